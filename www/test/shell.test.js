// What stands above all sections: what is open, what runs, and what a visitor should know first.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { demoImage, demoVolume, emptyVolume, mkntfs, ntfsclone, scratch } from "../../wasm/test/support/fixtures.js";
import { go, openFile, skip, start, visit } from "./support/page.js";

let site;
before(async () => {
  site = skip ? undefined : await start();
});
after(() => site?.close());

test("another file is opened from the head", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, demoImage());
  await go(page, "Bytes");
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.click("text=Open another")]);
  await chooser.setFiles(demoVolume());
  await page.waitForFunction(() => document.querySelector(".shell-file .name")?.textContent === "demo.ntfs");
  await page.waitForSelector(".overview:not([hidden])");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("what runs is seen, and cancelled, from every section; what ended is listed", { skip: skip || (mkntfs ? false : "no mkntfs") }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await openFile(page, emptyVolume("60g.ntfs", 60 * 1024 ** 3, 4096));
  assert.ok(await page.isHidden(".tray"));
  await go(page, "Convert");
  await page.check("#target-raw");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(".convert-form .primary")]);
  await page.waitForFunction(() => /^1 running, /.test(document.querySelector(".tray-button")?.textContent));
  for (const section of ["Overview", "Files", "Bytes"]) {
    await go(page, section);
    assert.ok(await page.isVisible(".tray-button"));
  }
  await page.click(".tray-button");
  assert.match(await page.textContent(".tray-list"), /Converting: Raw volume/);
  await page.click('.tray-list button:text-is("Cancel")');
  await page.waitForSelector('.tray-list li:has-text("Cancelled")');
  assert.notEqual(await download.failure(), null);
  await page.keyboard.press("Escape");
  await page.waitForSelector(".tray-panel", { state: "hidden" });
  await go(page, "Validate");
  await page.click(".invite .primary");
  await page.waitForSelector(".verdict");
  await page.click(".tray-button");
  assert.match(await page.textContent(".tray-list"), /^ValidatingDone.*Converting: Raw volumeCancelled/);
  assert.deepEqual(complaints, []);
  await context.close();
});

/** The volume with a bit set that Windows sets while it is mounted. */
function dirtyVolume() {
  const bytes = Buffer.from(readFileSync(demoVolume()));
  const { volume } = JSON.parse(ntfsclone("info", "--json", demoVolume()));
  const record = volume.mft_lcn * volume.cluster_size + 3 * volume.mft_record_size;
  let at = record + bytes.readUInt16LE(record + 20);
  while (bytes.readUInt32LE(at) !== 0x70) {
    at += bytes.readUInt32LE(at + 4);
  }
  const flags = at + bytes.readUInt16LE(at + 20) + 10;
  bytes.writeUInt16LE(bytes.readUInt16LE(flags) | 1, flags);
  const path = join(scratch("page-dirty"), "dirty.ntfs");
  writeFileSync(path, bytes);
  return path;
}

test("a dirty volume is told, with a button for what is advised; details are folded", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, dirtyVolume());
  assert.match(await page.textContent(".overview .notice.warning"), /^DirtyWindows did not unmount|^Dirty Windows did not unmount/);
  assert.ok(await page.isHidden(".facts dl"));
  await page.click(".more-facts summary");
  assert.ok(await page.isVisible(".facts dl >> nth=0"));
  await page.click('.overview .notice.warning button:text-is("Validate")');
  await page.waitForSelector(".validate:not([hidden]) .invite");
  assert.deepEqual(complaints, []);
  await context.close();
});

for (const [what, offset, magic, message] of [
  ["BitLocker", 3, "-FVE-FS-", /It is encrypted by BitLocker; unlock it/],
  ["ReFS", 3, "ReFS\0\0\0\0", /It is a ReFS volume, not NTFS/],
  ["a ZIP archive", 0, "PK\x03\x04", /It is a ZIP archive/],
]) {
  test(`what is no NTFS is named as the program does: ${what}`, { skip }, async () => {
    const { page, complaints, context } = await visit(site);
    const bytes = Buffer.alloc(1 << 20);
    bytes.write(magic, offset, "latin1");
    bytes.writeUInt16LE(0xaa55, 510);
    await page.setInputFiles("#file", { name: "other.raw", mimeType: "", buffer: bytes });
    await page.waitForSelector(".notice.error");
    assert.match(await page.textContent(".notice.error"), message);
    assert.match(await page.textContent(".notice.error"), /^other\.raw cannot be opened/);
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("numbers are written as is usual where the visitor is", { skip }, async () => {
  const { page, complaints, context } = await visit(site, { locale: "de-DE" });
  await openFile(page, demoVolume());
  const { volume } = JSON.parse(ntfsclone("info", "--json", demoVolume()));
  assert.ok(volume.clusters > 1000);
  const facts = await page.textContent(".facts");
  assert.ok(facts.includes(volume.clusters.toLocaleString("de")), facts);
  assert.deepEqual(complaints, []);
  await context.close();
});
