// Names are somebody else's: they are shown as they are, and do nothing.

import assert from "node:assert/strict";
import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { demoImage, demoVolume, scratch } from "../../wasm/test/support/fixtures.js";
import { go, skip, start, visit } from "./support/page.js";

let site;
before(async () => {
  site = skip ? undefined : await start();
});
after(() => site?.close());

const HOSTILE = {
  markup: "<img src=x onerror=alert(1)>.img",
  script: "<script>document.title='taken'<\u200b script>.img",
  bidi: "invoice\u202egmi.exe.img",
  isolate: "\u2066\u2067\u061cname.img",
  control: "bell\u0007 and\u0000 escape\u001b[31m.img",
  line: "two\u2028lines\nor three.img",
};

for (const [what, name] of Object.entries(HOSTILE)) {
  test(`a file's name: ${what}`, { skip }, async () => {
    const { page, complaints, context } = await visit(site);
    page.on("dialog", (dialog) => {
      complaints.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    const bytes = readFileSync(demoImage()).toString("base64");
    await page.evaluate(
      ([name, bytes]) => {
        const data = new DataTransfer();
        data.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], name));
        document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, dataTransfer: data }));
      },
      [name, bytes],
    );
    await page.waitForSelector(".overview h1");
    const shown = await page.evaluate(() => {
      const element = document.querySelector(".shell-file .name");
      return { text: element.textContent, tag: element.tagName, images: document.querySelectorAll("main img, .shell-file img").length, title: document.title };
    });
    assert.equal(shown.tag, "BDI");
    assert.equal(shown.images, 0);
    const expected = name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (letter) => `U+${letter.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`);
    assert.equal(shown.text, expected);
    assert.doesNotMatch(shown.title, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    const everything = await page.evaluate(() => document.body.textContent);
    assert.doesNotMatch(everything, /[\u0000-\u0008\u000e-\u001f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069]/u);

    await go(page, "Convert");
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(".convert-form .primary")]);
    assert.doesNotMatch(download.suggestedFilename(), /[\p{Cc}\p{Cf}<>\\/:]/u);
    assert.equal(await download.failure(), null);
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

/** The volume, with a label and the name of a damaged file of one's own making. */
function hostileVolume(label) {
  const folder = scratch("page-names");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "hostile.ntfs");
  copyFileSync(demoVolume(), path);
  const bytes = readFileSync(path);
  const old = Buffer.from("Demo", "utf16le");
  const file = openSync(path, "r+");
  // The label is the only place of that word in $MFT with nothing behind it.
  for (let at = bytes.indexOf(old); at >= 0; at = bytes.indexOf(old, at + 1)) {
    writeSync(file, Buffer.from(label, "utf16le"), 0, old.length, at);
  }
  closeSync(file);
  return path;
}

test("a label that turns the direction of text, and markup in it", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.setInputFiles("#file", hostileVolume("\u202e<b>"));
  await page.waitForSelector(".overview h1");
  assert.equal(await page.textContent(".overview h1"), "U+202E<b>");
  assert.equal(await page.locator(".overview b").count(), 0);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("files whose names turn the direction of text, or are markup", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  const [from, to] = ["Fragmented database.db", "<img src=x>\u202e\u0007 [bb]bb.x"].map((name) => Buffer.from(name, "utf16le"));
  assert.equal(from.length, to.length);
  const bytes = readFileSync(demoVolume());
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + 1)) {
    to.copy(bytes, at);
  }
  const path = join(scratch("page-names"), "names.ntfs");
  writeFileSync(path, bytes);
  await page.setInputFiles("#file", path);
  await page.waitForSelector('.map[data-survey="done"]');
  const shown = "<img src=x>U+202EU+0007 [bb]bb.x";
  const check = async () => {
    assert.equal(await page.locator("main img").count(), 0);
    const text = await page.evaluate(() => [document.body.textContent, document.title, ...[...document.querySelectorAll("[title], [aria-label]")].map((element) => `${element.title}${element.getAttribute("aria-label")}`)].join("\n"));
    assert.doesNotMatch(text, /[\u0000-\u0008\u202e]/);
  };
  await go(page, "Files");
  await page.waitForSelector(".rows .entry-link");
  assert.ok((await page.locator(".entries .entry-link .name").allTextContents()).includes(shown));
  await check();
  await page.getByRole("button", { name: shown, exact: true }).click();
  await page.waitForSelector(".file-panel:not([hidden])");
  assert.equal(await page.textContent(".file-panel h2"), shown);
  await page.waitForFunction(() => document.querySelector('[role="status"]')?.textContent === "/<img src=x>[U+202E][U+0007] [bb]bb.x");
  await check();
  // Where its clusters are, and its name is.
  await page.click(".pieces button");
  await page.waitForFunction((shown) => document.querySelector(".inspector .link")?.textContent === `/${shown}`, shown);
  await check();
  await go(page, "Overview");
  await page.waitForFunction((shown) => document.querySelector(".map-holders")?.textContent.includes(shown), shown);
  await check();
  const record = bytes.indexOf(to);
  await page.evaluate((at) => (location.hash = `#bytes?at=${at}`), record);
  await page.waitForFunction((shown) => document.querySelector(".inspector")?.textContent.includes(`Field value${shown}`), shown);
  await check();
  assert.deepEqual(complaints, []);
  await context.close();
});

test("paths and sentences in a report", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  const text = "<img src=x onerror=alert(1)>\u202e";
  const finding = { code: "dirty", severity: "error", effect: "lost", record: null, in: "volume", offset: 4096, also_at: null, message: text, meaning: text, systems: text, advice: text, files: [`/${text}`] };
  const report = { source: text, against: null, compared: null, sound: false, image: null, volume: null, checksums: [text], errors: 1, warnings: 0, notes: 0, findings: [finding], files: [`/${text}`], files_left_out: 0 };
  // Volumes with such names in damaged places are hard to make: the worker answers with them.
  await page.addInitScript((report) => {
    const add = Worker.prototype.addEventListener;
    Worker.prototype.addEventListener = function (type, listener) {
      return add.call(this, type, (event) => {
        if (type === "message" && event.data.answer?.findings) {
          listener({ data: { id: event.data.id, answer: report } });
        } else {
          listener(event);
        }
      });
    };
  }, report);
  await page.reload();
  await page.setInputFiles("#file", demoVolume());
  await go(page, "Validate");
  await page.click(".invite .primary");
  await page.waitForSelector(".verdict.unsound");
  assert.equal(await page.locator("main img").count(), 0);
  const shown = await page.textContent(".finding-groups");
  assert.equal(shown.split("<img src=x onerror=alert(1)>U+202E").length - 1, 5);
  assert.doesNotMatch(await page.evaluate(() => document.body.textContent), /\u202e/);
  assert.deepEqual(complaints, []);
  await context.close();
});
