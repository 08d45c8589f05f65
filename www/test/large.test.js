// Of any size, in memory that does not grow.

import assert from "node:assert/strict";
import { readFileSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, before, test } from "node:test";
import { emptyVolume, fullVolume, mkntfs } from "../../wasm/test/support/fixtures.js";
import { go, openFile, skip as skipWithout, start, visit } from "./support/page.js";

const skip = skipWithout || (mkntfs ? false : "no mkntfs");
const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
/** What the size of a volume may cost: its map of clusters, and chance. */
const ALLOWED = 64 * MIB;

let site;
before(async () => {
  site = skip ? undefined : await start();
});
after(() => site?.close());

/** Bytes of memory that all processes of the browser have for themselves. */
async function memory() {
  const session = await site.browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  let sum = 0;
  for (const { id } of processInfo) {
    const status = readFileSync(`/proc/${id}/status`, "utf8");
    sum += Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
  }
  return sum;
}

/** How much more memory there was at the worst moment until it is done. */
async function grows(work) {
  const before = await memory();
  let most = before;
  let isDone = false;
  const finished = work().finally(() => (isDone = true));
  while (!isDone) {
    most = Math.max(most, await memory());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await finished;
  return most - before;
}

/** What the page says of a download that failed, and whether there was room for it: the browser says only that it did. */
async function whyNot(page) {
  const { bavail, bsize } = statfsSync(tmpdir());
  const notices = await page.locator(".notice").allTextContents();
  return `${Math.round((bavail * bsize) / MIB)} MiB free in ${tmpdir()}; the page says: ${JSON.stringify(notices)}`;
}

/** Does everything with it; how much memory that took, and the longest task on the way. */
async function everything(volume) {
  const { page, complaints, context, startsWorking, longest } = await visit(site, { saving: "file" });
  await page.waitForLoadState("networkidle");
  await startsWorking();
  const more = await grows(async () => {
    await openFile(page, volume);
    await page.waitForSelector(".map-state.is-exact");
    await page.focus(".map-surface");
    for (let count = 0; count < 20; count += 1) {
      await page.keyboard.press("+");
    }
    await page.keyboard.press("End");
    await go(page, "Validate");
    await page.click(".invite .primary");
    await page.waitForSelector(".verdict.sound");
    await go(page, "Convert");
    // The browser keeps what is saved in a private window in memory: this is little.
    await page.check("#target-metadata");
    await page.click(".convert-form .primary");
    await page.waitForSelector(".notice.good, .notice.error");
    assert.match(await page.textContent(".convert .message"), /complete/);
    await go(page, "Bytes");
    await page.click('.hex-places button:has-text("Backup boot sector")');
    await page.waitForFunction(() => document.querySelector(".hex-rows")?.textContent.includes("NTFS"));
  });
  const took = await longest();
  assert.deepEqual(complaints, []);
  await context.close();
  return { more, took };
}

test("a volume of 60 GiB takes no more memory than one of 60 MiB, and the page stays alive", { skip }, async () => {
  const small = await everything(emptyVolume("60m.ntfs", 60 * MIB, 4096));
  const large = await everything(emptyVolume("60g.ntfs", 60 * GIB, 4096));
  const told = [small, large].map(({ more }) => `${Math.round(more / MIB)} MiB`).join(" and ");
  assert.ok(large.more - small.more < ALLOWED, told);
  console.log(`more memory: ${told}`);
  assert.ok(large.took < 100, `a task took ${large.took} ms`);
});

test("what is too large for a format is said before it is chosen", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, emptyVolume("3t.ntfs", 3 * 1024 * GIB, 65536));
  await go(page, "Convert");
  const size = (target) => page.locator(`.target:has(#target-${target}) .target-size`);
  await size("vhd").locator(".target-impossible").waitFor();
  assert.match(await size("vhd").textContent(), /too large for VHD/);
  await page.waitForFunction(() => /^\d[.\d]* MiB$/.test(document.querySelector(".target:has(#target-vdi) .target-size")?.textContent));
  await page.click(".convert-options summary");
  await page.selectOption("#table", "mbr");
  await size("vdi").locator(".target-impossible").waitFor();
  assert.match(await size("vdi").textContent(), /too large for/);
  assert.deepEqual(complaints, []);
  await context.close();
});

for (const [what, volume, target] of [
  ["2 GiB", () => emptyVolume("2g.ntfs", 2 * GIB, 4096), "raw"],
  ["2 GiB", () => emptyVolume("2g.ntfs", 2 * GIB, 4096), "vhd-fixed"],
  ["400 MiB of content", fullVolume, "vhdx"],
]) {
  test(`a download of ${what} as ${target}, in memory that stays flat`, { skip }, async () => {
    const { page, complaints, context } = await visit(site);
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
    await openFile(page, volume());
    await go(page, "Convert");
    await page.check(`#target-${target}`);
    let download;
    const more = await grows(async () => {
      [download] = await Promise.all([page.waitForEvent("download"), page.click(".convert-form .primary")]);
      const failure = await download.failure();
      assert.equal(failure, null, failure && (await whyNot(page)));
    });
    const path = await download.path();
    console.log(`more memory: ${Math.round(more / MIB)} MiB`);
    assert.ok(more < 4 * ALLOWED, `${Math.round(more / MIB)} MiB more`);
    assert.deepEqual(complaints, []);
    rmSync(path);
    await context.close();
  });
}
