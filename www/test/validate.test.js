// Whether it is good: the same findings as the command-line tool's, and a way to stop.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { cutImage, damagedVolume, demoCompressed, demoImage, demoVolume, ntfscloneMayFail } from "../../wasm/test/support/fixtures.js";
import { go, openFile, skip, start, visit } from "./support/page.js";

let site;
before(async () => {
  site = skip ? undefined : await start();
});
after(() => site?.close());

for (const [what, fixture, name, verdict] of [
  ["a sound volume", demoVolume, "demo.ntfs", /No errors found.*content of files was not read.*No checksums: damage inside files cannot be seen/],
  ["a sound image", demoImage, "demo.img", /No errors found.*Every byte of the image was read.*No checksums: damage inside files cannot be seen/],
  ["a sound compressed image", demoCompressed, "demo.img.zst", /^Sound.*all checksums match/],
  ["an image that is cut short", cutImage, "cut.img", /Data is lost/],
  ["a damaged volume", damagedVolume, "damaged.ntfs", /Data is lost/],
]) {
  test(`${what}: the report is the command-line tool's`, { skip }, async () => {
    const expected = { ...JSON.parse(ntfscloneMayFail("verify", "--json", fixture())), source: name };
    const { page, complaints, context, startsWorking, longest } = await visit(site);
    await openFile(page, fixture());
    await go(page, "Validate");
    await startsWorking();
    await page.click(".invite .primary");
    await page.waitForSelector(".verdict");
    const took = await longest();
    assert.ok(took < 100, `a task took ${took} ms`);
    assert.equal(await page.locator(".verdict.sound").count(), expected.sound ? 1 : 0);
    assert.match(await page.textContent(".verdict-text"), verdict);
    // One group for each cause: what it means, and what to do, are said once.
    const groups = new Map();
    for (const finding of expected.findings) {
      const key = JSON.stringify([finding.severity, finding.code, finding.meaning, finding.advice]);
      groups.set(key, [...(groups.get(key) ?? []), finding]);
    }
    const shown = await page.locator(".finding-group").allTextContents();
    assert.equal(shown.length, groups.size);
    for (const [finding, ...others] of groups.values()) {
      const text = shown.map((text) => text.toLowerCase()).find((text) => text.includes(finding.meaning.toLowerCase()) && text.includes(finding.message.toLowerCase()));
      assert.ok(text, `${finding.meaning} is missing in ${shown.join("\n")}`);
      assert.ok(text.includes((finding.systems ?? "").toLowerCase()), text);
      for (const { message } of [finding, ...others].slice(0, 50)) {
        assert.ok(text.includes(message.toLowerCase()), `${message} is missing in ${text}`);
      }
    }
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=Export as JSON")]);
    assert.equal(download.suggestedFilename(), `${name}.report.json`);
    assert.deepEqual(JSON.parse(readFileSync(await download.path(), "utf8")), expected);
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("a finding leads to its bytes", { skip }, async () => {
  const { page, context } = await visit(site);
  await openFile(page, damagedVolume());
  await go(page, "Validate");
  await page.click(".invite .primary");
  await page.click(".finding-place button >> nth=0");
  await page.waitForSelector(".view.bytes:not([hidden]) .hex .cursor");
  const at = Number((await page.evaluate(() => location.hash)).match(/at=(\d+)/)[1]);
  assert.ok((await page.textContent(".inspector")).includes(`0x${at.toString(16)}`));
  await context.close();
});

test("cancelled, nothing is said of it, and it can be asked again", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, demoVolume());
  await go(page, "Validate");
  // Both at once: it does not take long.
  await page.evaluate(() => {
    document.querySelector(".invite .primary").click();
    document.querySelector(".meter button").click();
  });
  await page.waitForSelector(".validate .notice");
  assert.match(await page.textContent(".validate .notice"), /Cancelled/);
  assert.equal(await page.locator(".verdict").count(), 0);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Validate");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".verdict.sound");
  assert.deepEqual(complaints, []);
  await context.close();
});
