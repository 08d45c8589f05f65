// Something else is made of it: the same bytes as the command-line tool's, in both ways of saving; and half of it never.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { digestOfFile } from "../../wasm/test/support/content.js";
import { demoImage, demoMetadata, demoRestored, demoVolume, emptyVolume, mkntfs, ntfsclone, scratch } from "../../wasm/test/support/fixtures.js";
import { go, openFile, skip, start, visit } from "./support/page.js";

let site;
before(async () => {
  site = skip ? undefined : await start();
});
after(() => site?.close());

/** A volume of 600 MiB with a file of 400 MiB that does not compress. */
function fullVolume(name) {
  const path = emptyVolume(name, 600 << 20, 4096);
  const content = join(scratch("full"), "random");
  writeFileSync(content, randomBytes(400 << 20));
  execFileSync("ntfscp", ["-q", path, content, "/random"]);
  rmSync(content);
  return path;
}

/** Of a file in the browser's own storage. */
function saved(page, name) {
  return page.evaluate(async (name) => {
    const directory = await navigator.storage.getDirectory();
    const names = [];
    for await (const key of directory.keys()) {
      names.push(key);
    }
    if (!names.includes(name)) {
      return { names };
    }
    const file = await (await directory.getFileHandle(name)).getFile();
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    return { names, length: file.size, sha256: [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("") };
  }, name);
}

const CASES = [
  ["raw", "demo.img", demoImage, "demo.ntfs", demoRestored],
  ["ntfsclone", "demo.ntfs", demoVolume, "demo.img", demoImage],
  ["metadata", "demo.ntfs", demoVolume, "demo.metadata.img", demoMetadata],
  ["metadata", "demo.img", demoImage, "demo.metadata.img", demoMetadata],
];

for (const [target, from, source, name, expected] of CASES) {
  test(`${target} of ${from}, saved into a file`, { skip }, async () => {
    const { page, complaints, context, startsWorking, longest } = await visit(site, { saving: "file" });
    await openFile(page, source());
    await go(page, "Convert");
    await page.check(`#target-${target}`);
    assert.equal(await page.isVisible(".anonymise"), target === "metadata");
    if (target === "metadata") {
      await page.waitForSelector(".anonymise ul");
      assert.match(await page.textContent(".anonymise"), /names of files and folders: \d+.*the label: Demo/);
    }
    await startsWorking();
    await page.click(".convert-form .primary");
    await page.waitForSelector(".notice.good");
    const took = await longest();
    assert.ok(took < 100, `a task took ${took} ms`);
    const { length, sha256 } = await saved(page, name);
    assert.deepEqual({ length, sha256 }, await digestOfFile(expected()));
    assert.deepEqual(complaints, []);
    await context.close();
  });

  test(`${target} of ${from}, as a download`, { skip }, async () => {
    const { page, complaints, context } = await visit(site);
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
    await openFile(page, source());
    await go(page, "Convert");
    await page.check(`#target-${target}`);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(".convert-form .primary")]);
    assert.equal(download.suggestedFilename(), name);
    const path = await download.path();
    assert.deepEqual(await digestOfFile(path), await digestOfFile(expected()));
    await page.waitForSelector(".notice.good");
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("before a metadata image is made, it is told what will be in it, and how large it will be", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await openFile(page, demoImage());
  await page.waitForSelector('.map[data-survey="done"]');
  await go(page, "Convert");
  await page.check("#target-metadata");
  await page.waitForSelector(".anonymise ul");
  const told = await page.textContent(".anonymise");
  // What the program tells after it made one.
  const made = ntfsclone("--metadata", "--save-image", "-o", join(scratch("page-remains"), "metadata.img"), demoVolume());
  const count = (pattern) => Number(pattern.exec(made)[1]).toLocaleString("en");
  for (const [text, pattern] of [
    ["names of files and folders", /(\d+) file names/],
    ["names of streams", /(\d+) names of streams/],
    ["owners and permissions of single files", /(\d+) security descriptors of single files/],
  ]) {
    assert.ok(told.includes(`${text}: ${count(pattern)}`), `${text}: ${count(pattern)} in ${told}`);
  }
  const kib = (pattern) => `${Number((Number(pattern.exec(made)[1]) / 1024).toPrecision(3))} KiB`;
  assert.ok(told.includes(`the start of the journal: ${kib(/(\d+) bytes of \$LogFile/)}`), told);
  assert.ok(told.includes(`unused bytes in MFT records: ${count(/slack of records (\d+)/)} bytes`), told);
  assert.ok(told.includes(`content of small files in MFT records: ${kib(/small files (\d+)/)}`), told);
  assert.match(told, /such as .*Report\.txt/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(".convert-form .primary")]);
  const { length } = await digestOfFile(await download.path());
  await page.waitForSelector(".notice.good");
  assert.equal(await page.textContent(".target:has(#target-metadata) .target-size"), `${Math.round(length / 1024)} KiB`);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("compressed: zstd gives back the same", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await openFile(page, demoVolume());
  await go(page, "Convert");
  await page.check("#target-ntfsclone");
  await page.check("#compress");
  await page.selectOption("#level", "1");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(".convert-form .primary")]);
  assert.equal(download.suggestedFilename(), "demo.img.zst");
  const path = join(scratch("page-compressed"), "demo.img");
  execFileSync("zstd", ["-q", "-d", "-o", path, await download.path()]);
  assert.deepEqual(await digestOfFile(path), await digestOfFile(demoImage()));
  assert.deepEqual(complaints, []);
  await context.close();
});

for (const saving of ["file", "download"]) {
  test(`cancelled in the middle, nothing is left: ${saving}`, { skip: skip || (mkntfs ? false : "no mkntfs") }, async () => {
    const { page, context } = await visit(site, { saving });
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
    // So that there is time to cancel: holes of 60 GiB become zeros of a download. In a file they take none, as do
    // frames of zeros; content does.
    await openFile(page, saving === "download" ? emptyVolume("60g.ntfs", 60 * 1024 ** 3, 4096) : fullVolume("full.ntfs"));
    await go(page, "Convert");
    await page.check("#target-raw");
    if (saving === "file") {
      await page.check("#compress");
    }
    const download = saving === "download" ? page.waitForEvent("download") : undefined;
    await page.click(".convert-form .primary");
    const started = await download;
    await page.waitForFunction(() => /B of \d+(\.\d+)? [MG]iB.*B\/s/.test(document.querySelector(".meter-figures")?.textContent));
    if (started) {
      await page.waitForFunction(() => / left$/.test(document.querySelector(".meter-figures").textContent));
    }
    await page.evaluate(() => document.querySelector(".meter button").click());
    await page.waitForSelector(".convert .notice");
    assert.match(await page.textContent(".convert .notice"), /Nothing was kept/);
    if (started) {
      assert.notEqual(await started.failure(), null);
    } else {
      assert.deepEqual((await saved(page, "full.ntfs.zst")).names, []);
    }
    // The same can be asked again.
    await page.check("#target-ntfsclone");
    const again = saving === "download" ? page.waitForEvent("download") : undefined;
    await page.click(".convert-form .primary");
    await page.waitForSelector(".notice.good");
    assert.equal((await (await again)?.failure()) ?? null, null);
    await context.close();
  });
}
