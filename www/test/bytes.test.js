// The bytes at any place: those of the file, and those of the volume wherever they are in it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { demoCompressed, demoImage, demoRestored, demoVolume, ntfsclone } from "../../wasm/test/support/fixtures.js";
import { go, openFile, skip, start, visit } from "./support/page.js";

let site;
before(async () => {
  site = skip ? undefined : await start();
});
after(() => site?.close());

const CLUSTER = 4096;

/** The rows that are seen: where each begins, and its bytes; null for those that are not there. */
async function rows(page) {
  await page.waitForFunction(() => ![...document.querySelectorAll(".hex-bytes span")].some(({ textContent }) => textContent === "  "));
  return page.evaluate(() =>
    [...document.querySelectorAll(".hex-row:not(.hex-head)")].map((row) => ({
      offset: parseInt(row.querySelector(".hex-offset").textContent, 16),
      bytes: [...row.querySelectorAll(".hex-bytes span")].map(({ textContent }) => (textContent === "··" ? null : parseInt(textContent, 16))),
    })),
  );
}

async function goTo(page, place) {
  await page.fill("#go-to", place);
  await page.press("#go-to", "Enter");
}

async function seen(page, offset) {
  await page.waitForFunction((at) => document.querySelector(".inspector")?.textContent.includes(`(0x${at.toString(16)})`), offset);
  return rows(page);
}

for (const [what, fixture, raw] of [
  ["a volume", demoVolume, demoVolume],
  ["an image", demoImage, demoRestored],
  ["what is compressed", demoCompressed, demoRestored],
]) {
  test(`of the volume, in ${what}`, { skip }, async () => {
    const { page, complaints, context } = await visit(site);
    await openFile(page, fixture());
    await go(page, "Bytes");
    const expected = readFileSync(raw());
    const { areas } = JSON.parse(ntfsclone("map", "--format", "json", demoVolume()));
    // The ends of runs, where what comes next is elsewhere in an image.
    // But for the backup boot sector, which is behind the last cluster.
    const { volume } = JSON.parse(ntfsclone("info", "--json", demoVolume()));
    const runs = areas.filter(({ offset, length }) => offset + length <= volume.clusters * CLUSTER);
    for (const { offset, length } of runs.slice(0, 8).concat(runs.slice(-2))) {
      for (const at of [offset, offset + length - 16]) {
        await goTo(page, at % CLUSTER === 0 ? `lcn ${at / CLUSTER}` : `0x${at.toString(16)}`);
        for (const row of await seen(page, at)) {
          row.bytes.forEach((byte, index) => {
            if (byte !== null) {
              assert.equal(byte, expected[row.offset + index], `byte ${row.offset + index}`);
            }
          });
        }
        const row = (await rows(page)).find(({ offset, bytes }) => offset <= at && at < offset + bytes.length);
        assert.notEqual(row.bytes[0], null, `what is in use at ${at} is there`);
      }
    }
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("what an image does not have is shown as that", { skip }, async () => {
  const { page, context } = await visit(site);
  await openFile(page, demoImage());
  const { volume } = JSON.parse(ntfsclone("info", "--json", demoImage()));
  const [{ lcn }] = volume.usage.largest_free;
  await go(page, "Bytes");
  await goTo(page, `lcn ${lcn}`);
  const [first] = (await seen(page, lcn * CLUSTER)).filter(({ offset }) => offset >= lcn * CLUSTER);
  assert.ok(first.bytes.every((byte) => byte === null));
  assert.match(await page.textContent(".inspector"), /not in the image, or free/);
  await context.close();
});

for (const [what, fixture] of [
  ["an image", demoImage],
  ["what is compressed", demoCompressed],
]) {
  test(`of the file, with ${what}: by keyboard to the end and back`, { skip }, async () => {
    const { page, complaints, context } = await visit(site);
    await openFile(page, fixture());
    await go(page, "Bytes");
    await page.check('input[name="of"][value="file"]');
    const expected = readFileSync(fixture());
    const check = async (at) => {
      const shown = await seen(page, at);
      assert.ok(shown.some(({ offset, bytes }) => offset <= at && at < offset + bytes.length));
      for (const { offset, bytes } of shown) {
        assert.deepEqual(bytes, [...expected.subarray(offset, offset + bytes.length)]);
      }
    };
    await page.focus(".hex");
    await check(0);
    await page.keyboard.press("Control+End");
    await check(expected.length - 1);
    await page.keyboard.press("PageUp");
    await page.keyboard.press("Control+Home");
    await check(0);
    for (let count = 0; count < 3; count += 1) {
      await page.keyboard.press("ArrowDown");
    }
    await page.keyboard.press("ArrowRight");
    await check(49);
    assert.match(await page.textContent('[role="status"]'), new RegExp(`0x31: ${expected[49].toString(16).padStart(2, "0")}`));
    await goTo(page, "no place");
    assert.match(await page.textContent(".field-error"), /no such byte or cluster/);
    await goTo(page, String(expected.length));
    assert.match(await page.textContent(".field-error"), /no such byte or cluster/);
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("the map leads to the bytes of what is compressed, too", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, demoCompressed());
  await page.waitForSelector(".map-state.is-exact");
  await page.focus(".map-surface");
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  const [first] = await seen(page, 0);
  assert.equal(String.fromCharCode(...first.bytes.slice(3, 7)), "NTFS");
  assert.deepEqual(complaints, []);
  await context.close();
});
