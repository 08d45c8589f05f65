// Nothing that is open is lost by accident, and nothing is said that was not looked at.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { cutImage, demoImage, demoMetadata, demoVolume, emptyVolume, mkntfs, ntfsclone, scratch } from "../../wasm/test/support/fixtures.js";
import { go, openFile, skip, start, visit } from "./support/page.js";
import { entriesOf } from "./support/zip.js";

let site;
before(async () => {
  site = skip ? undefined : await start();
});
after(() => site?.close());

/** Drops that on the page. */
const drop = (page, { text, name, bytes }) =>
  page.evaluate(
    ([text, name, bytes]) => {
      const dataTransfer = new DataTransfer();
      if (text === undefined) {
        dataTransfer.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], name));
      } else {
        dataTransfer.setData("text/plain", text);
      }
      const event = () => ({ bubbles: true, cancelable: true, dataTransfer });
      document.querySelector("main").dispatchEvent(new DragEvent("dragenter", event()));
      window.wasVeiled = getComputedStyle(document.querySelector(".drop-veil")).display !== "none";
      document.querySelector("main").dispatchEvent(new DragEvent("drop", event()));
    },
    [text, name, bytes?.toString("base64")],
  );

test("dragged text, a dropped document and the logo leave open what is open", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, demoImage());
  await drop(page, { text: "selected text" });
  assert.equal(await page.evaluate(() => window.wasVeiled), false);
  assert.equal(await page.textContent(".shell-file .name"), "demo.img");

  await go(page, "Convert");
  await drop(page, { name: "letter.txt", bytes: Buffer.alloc(10_000, "a letter ") });
  await page.waitForSelector(".shell-notices .notice.error");
  assert.match(await page.textContent(".notice.error"), /^letter\.txt cannot be opened/);
  assert.equal(await page.textContent(".shell-file .name"), "demo.img");
  assert.ok(await page.isVisible(".convert-form"));
  await page.click('.notice.error [aria-label="Dismiss"]');
  assert.equal(await page.locator(".notice.error").count(), 0);

  await page.click(".brand");
  await page.waitForSelector(".overview:not([hidden])");
  assert.equal(await page.textContent(".overview h1"), "Demo");
  // What can be opened takes its place.
  await drop(page, { name: "other.img", bytes: readFileSync(demoMetadata()) });
  await page.waitForFunction(() => document.querySelector(".shell-file .name")?.textContent === "other.img");
  assert.equal(await page.textContent(".overview .eyebrow"), "ntfsclone metadata image");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("what runs is not cancelled unasked", { skip: skip || (mkntfs ? false : "no mkntfs") }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await openFile(page, emptyVolume("60g.ntfs", 60 * 1024 ** 3, 4096));
  await go(page, "Convert");
  await page.check("#target-raw");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(".convert-form .primary")]);
  await page.waitForSelector(".meter");
  for (const ask of [() => page.click('[aria-label="Close"]'), () => page.setInputFiles("#file", demoImage())]) {
    await ask();
    await page.waitForSelector(".over .running");
    assert.match(await page.textContent(".over"), /Converting: Raw volume/);
    await page.click("text=Keep it running");
    await page.waitForSelector(".over", { state: "hidden" });
    assert.ok(await page.isVisible(".meter"));
  }
  await page.setInputFiles("#file", demoImage());
  await page.click("text=Cancel it and open demo.img");
  await page.waitForFunction(() => document.querySelector(".shell-file .name")?.textContent === "demo.img");
  assert.notEqual(await download.failure(), null);
  assert.deepEqual(complaints, []);
  await context.close();
});

const digestOf = (bytes) => createHash("sha256").update(bytes).digest("hex");

async function verdict(page) {
  await go(page, "Validate");
  await page.click(".invite .primary");
  await page.waitForSelector(".verdict");
  return page.textContent(".verdict-text");
}

test("a checksum file that is given with an image is compared, and tells what nothing else can", { skip }, async () => {
  const folder = scratch("page-sidecars");
  const image = join(folder, "demo.img");
  ntfsclone("-q", "-s", "--checksum=b3", "-o", image, demoVolume());
  const { page, complaints, context } = await visit(site);
  await page.setInputFiles("#file", [image, `${image}.b3`]);
  await page.waitForSelector(".overview h1");
  assert.match(await verdict(page), /^Sound.*checksums: b3.*Compared with demo\.img\.b3/);

  // A bit in the content of a file: the image is well-formed, and no check of its structure sees it.
  const bytes = readFileSync(image);
  bytes[bytes.length - 3000] ^= 1;
  const flipped = join(folder, "flipped.img");
  writeFileSync(flipped, bytes);
  copyFileSync(`${image}.b3`, `${flipped}.b3`);
  await openFile(page, flipped);
  assert.match(await verdict(page), /No errors found.*No checksums: damage inside files cannot be seen/);
  // Given after.
  await page.setInputFiles("#sidecar", `${flipped}.b3`);
  await page.waitForSelector(".verdict.unsound");
  assert.match(await page.textContent(".findings"), /Its checksum is [0-9a-f]{64}, flipped\.img\.b3 says [0-9a-f]{64}/);
  const { errors } = JSON.parse(ntfscloneReport(flipped));
  assert.match(await page.textContent(".verdict h1"), new RegExp(`^${errors} error`));
  assert.deepEqual(complaints, []);
  await context.close();
});

/** What the program finds, with the checksum beside the file. */
function ntfscloneReport(path) {
  try {
    return ntfsclone("verify", "--json", path);
  } catch ({ stdout }) {
    return stdout;
  }
}

test("checksums of pieces and of folders; dropped alone; and those of something else", { skip }, async () => {
  const folder = join(scratch("page-sidecar-pieces"), "backup");
  mkdirSync(folder);
  const bytes = readFileSync(demoImage());
  const pieces = ["aa", "ab"].map((suffix, index) => {
    const piece = join(folder, `sda1.img.${suffix}`);
    writeFileSync(piece, index === 0 ? bytes.subarray(0, 1 << 20) : bytes.subarray(1 << 20));
    writeFileSync(`${piece}.sha256`, `${digestOf(readFileSync(piece))}  ${basename(piece)}\n`);
    return piece;
  });
  const { page, complaints, context } = await visit(site);
  await page.setInputFiles("#folder", folder);
  await page.waitForSelector(".overview h1");
  assert.match(await verdict(page), /^Sound.*checksums: sha256.*Compared with sda1\.img\.aa\.sha256, sda1\.img\.ab\.sha256/);

  // The second piece is another one.
  await page.setInputFiles("#file", [...pieces, `${pieces[0]}.sha256`]);
  await page.waitForFunction(() => document.querySelector(".overview:not([hidden])"));
  const wrong = Buffer.from(`${digestOf("another")} *sda1.img.ab\n`).toString("base64");
  await drop(page, { name: "sda1.img.ab.sha256", bytes: Buffer.from(wrong, "base64") });
  await page.waitForFunction(() => document.querySelector(".given")?.textContent.includes("sda1.img.ab.sha256"));
  await page.click(".invite .primary");
  await page.waitForSelector(".verdict.unsound");
  assert.match(await page.textContent(".findings"), /sda1\.img\.ab\.sha256 says/);

  const lines = ["one", "two"].map((name) => `${digestOf(name)}  ${name}\n`).join("");
  await drop(page, { name: "others.sha256", bytes: Buffer.from(lines) });
  await page.waitForSelector(".shell-notices .notice.error");
  assert.match(await page.textContent(".shell-notices"), /others\.sha256 holds checksums of other files, none of sda1\.img/);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("of pieces, the one that is missing is named", { skip }, async () => {
  const folder = scratch("page-missing-piece");
  const { page, complaints, context } = await visit(site);
  for (const [suffixes, missing] of [
    [[".aa", ".ac"], ".ab"],
    [[".ab", ".ac"], ".aa"],
    [["_aaa", "_aac"], "_aab"],
    [[".001", ".003"], ".002"],
    [["-00", "-01", "-03"], "-02"],
  ]) {
    const paths = suffixes.map((suffix) => join(folder, `disk.img${suffix}`));
    paths.forEach((path) => writeFileSync(path, "piece"));
    await page.setInputFiles("#file", paths);
    await page.waitForFunction((missing) => document.querySelector(".notice.error")?.textContent.includes(`Its piece disk.img${missing} is not among`), missing);
  }
  // These are no pieces.
  for (const names of [["other.gz", "other.xz"], ["scan-03", "scan-07"]]) {
    const paths = names.map((name) => join(folder, name));
    paths.forEach((path, index) => writeFileSync(path, "file".repeat(index + 1)));
    await page.setInputFiles("#file", paths);
    await page.waitForFunction((name) => document.querySelector(".choices")?.textContent.includes(name), names[0]);
    assert.equal(await page.locator(".choice").count(), 2);
  }
  // As `split` names pieces without a dot.
  const bytes = readFileSync(demoImage());
  const pieces = ["aa", "ab"].map((suffix, index) => {
    const path = join(folder, `joined.img_${suffix}`);
    writeFileSync(path, index === 0 ? bytes.subarray(0, 3 << 20) : bytes.subarray(3 << 20));
    return path;
  });
  await openFile(page, pieces);
  assert.equal(await page.textContent(".shell-file .name"), "joined.img");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("counts agree, and the file system's own files are taken out on demand only", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await openFile(page, demoImage());
  await page.waitForSelector('.map[data-survey="done"]');
  const [, shown] = /([\d,]+) files and folders/.exec(await page.textContent(".summary-line"));
  await go(page, "Files");
  await page.waitForSelector(".entries");
  assert.match(await page.textContent(".list-told"), new RegExp(`items here, ${shown} in all`));
  const packed = async () => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click('button:has-text("Save all as zip")')]);
    await page.waitForSelector(".takeout .notice.good");
    return { names: [...entriesOf(await download.path()).keys()], text: await page.textContent(".takeout .notice.good") };
  };
  const users = await packed();
  assert.ok(!users.names.some((name) => name.startsWith("$")), users.names.join());
  await page.check("#system-files");
  await page.waitForFunction(() => document.querySelector(".entries")?.textContent.includes("$MFT"));
  const all = await packed();
  assert.ok(["$MFT", "$LogFile", "$Bitmap"].every((name) => all.names.includes(name)), all.names.join());
  const files = ({ text }) => Number(/(\d+) files/.exec(text)[1]);
  assert.equal(files(users), users.names.filter((name) => !name.endsWith("/")).length);
  assert.ok(files(all) > files(users));
  assert.deepEqual(complaints, []);
  await context.close();
});

test("of an image that is cut short: one cause, links to the files, and marks on their folders", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, cutImage());
  assert.match(await verdict(page), /70 errors found/);
  const groups = await page.locator(".finding-group").allTextContents();
  assert.equal(groups.length, 2);
  assert.match(groups[0], /^ErrorCut short: 2\.86 MiB of 3\.75 MiB are there/);
  assert.match(groups[1], /69 places.*A consequence of the image being cut short/);
  await page.locator(".validate .card.files").getByRole("button", { name: "/Letters/2024/letter 04.txt", exact: true }).click();
  await page.waitForSelector('.file-panel h2:has-text("letter 04.txt")');
  await page.click('.crumbs button:text-is("Volume")');
  const letters = page.locator(".rows .entry", { has: page.getByRole("button", { name: "Letters", exact: true }) });
  await letters.waitFor();
  assert.match(await letters.textContent(), /\d+ incomplete/);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a file that is saved sparse: how much is data is said", { skip }, async () => {
  const { page, complaints, context } = await visit(site, { saving: "file" });
  await openFile(page, demoImage());
  await go(page, "Convert");
  assert.match(await page.textContent("#about-raw"), /zeros for free space/);
  assert.match(await page.textContent("#about-metadata"), /Not a backup/);
  await page.check("#target-raw");
  await page.click(".convert-form .primary");
  await page.waitForSelector(".notice.good");
  assert.match(await page.textContent(".notice.good"), /48 MiB in [^:]*: 3\.76 MiB of data, and zeros that take no space/);
  assert.deepEqual(complaints, []);
  await context.close();
});
