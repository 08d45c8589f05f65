// Files and folders are taken out: the same bytes as by other tools; and never a part of them unseen.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { cutImage, demoCompressed, demoImage, demoMetadata, demoVolume, scratch } from "../../wasm/test/support/fixtures.js";
import { contentOf, namesIn, skipWithoutTools } from "./support/ntfs-tools.js";
import { go, openFile, skip as skipWithout, start, visit } from "./support/page.js";
import { entriesOf } from "./support/zip.js";

const skip = skipWithout || skipWithoutTools;

let site;
before(async () => {
  site = skip ? undefined : await start();
});
after(() => site?.close());

/** The Files view of it. */
async function filesOf(fixture, options) {
  const visited = await visit(site, { timezoneId: "UTC", ...options });
  const { page } = visited;
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await openFile(page, fixture);
  await go(page, "Files");
  await page.waitForSelector(".rows .entry-link");
  return visited;
}

const link = (page, name) => page.locator(".entries").getByRole("button", { name, exact: true });

async function goInto(page, ...folders) {
  for (const folder of folders) {
    await link(page, folder).click();
    await page.waitForFunction((name) => document.querySelector(".crumbs [aria-current]")?.textContent === name, folder);
  }
}

async function downloaded(page, click) {
  const [download] = await Promise.all([page.waitForEvent("download"), click()]);
  assert.equal(await download.failure(), null);
  return { name: download.suggestedFilename(), path: await download.path() };
}

const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");

for (const [what, fixture] of [
  ["a volume", demoVolume],
  ["an image", demoImage],
  ["what is compressed", demoCompressed],
]) {
  test(`files of ${what}: resident, in pieces, compressed, sparse`, { skip }, async () => {
    const { page, complaints, context } = await filesOf(fixture());
    for (const path of ["/Read me.txt", "/Fragmented database.db", "/Compressed/log.txt", "/Virtual disk.img"]) {
      await page.evaluate(() => (location.hash = "#files"));
      await page.waitForFunction(() => document.querySelector(".crumbs [aria-current]")?.textContent === "Volume");
      const [, ...names] = path.split("/");
      await goInto(page, ...names.slice(0, -1));
      const { name, path: saved } = await downloaded(page, () => page.click(`[aria-label="Save ${names.at(-1)}"]`));
      assert.equal(name, names.at(-1));
      assert.equal(digest(readFileSync(saved)), digest(contentOf(demoVolume(), path)), path);
      await page.waitForSelector(`.notice.good:has-text("${names.at(-1)} is complete")`);
    }
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("a file with its date, its streams, and into a file of the visitor's choice", { skip }, async () => {
  const { page, complaints, context, startsWorking, longest } = await filesOf(demoImage(), { saving: "file" });
  await link(page, "Report.txt").click();
  await page.waitForSelector(".file-panel:not([hidden])");
  const facts = await page.textContent(".file-facts");
  assert.match(facts, /Modified2024-07-01 12:00/);
  assert.match(facts, /Alternate data streamsZone\.Identifier 26 bytesnotes 8\.79 KiB|Alternate data streamsnotes 8\.79 KiBZone\.Identifier 26 bytes/);
  const saved = (name) =>
    page.evaluate(async (name) => {
      const file = await (await (await navigator.storage.getDirectory()).getFileHandle(name)).getFile();
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
      return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    }, name);
  await startsWorking();
  await page.click('.file-panel button:text-is("Save")');
  await page.waitForSelector('.notice.good:has-text("Report.txt is complete")');
  assert.ok((await longest()) < 100);
  assert.equal(await saved("Report.txt"), digest(contentOf(demoVolume(), "/Report.txt")));
  await page.click('[aria-label="Save the stream notes"]');
  await page.waitForSelector('.notice.good:has-text("Report.txt.notes is complete")');
  assert.equal(await saved("Report.txt.notes"), digest(contentOf(demoVolume(), "/Report.txt", "notes")));
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a folder as a zip: all files in it, at any depth, with their dates", { skip }, async () => {
  const { page, complaints, context, startsWorking, longest } = await filesOf(demoImage());
  await startsWorking();
  const { name, path } = await downloaded(page, () => page.click('[aria-label="Save Pictures as zip"]'));
  await page.waitForSelector(".notice.good");
  const took = await longest();
  assert.ok(took < 100, `a task took ${took} ms`);
  assert.equal(name, "Pictures.zip");
  const entries = entriesOf(path);
  const thumbnails = namesIn(demoVolume(), "/Pictures/Thumbnails");
  assert.deepEqual([...entries.keys()].sort(), ["photo.raw", ...thumbnails.map((name) => `Thumbnails/${name}`)].sort());
  for (const name of ["photo.raw", "Thumbnails/thumbnail 0000.txt", "Thumbnails/thumbnail 0299.txt"]) {
    assert.equal(digest(entries.get(name).content), digest(contentOf(demoVolume(), `/Pictures/${name}`)), name);
    assert.equal(entries.get(name).modified, "2024-07-01 12:00");
  }
  assert.match(await page.textContent(".takeout .notice.good"), /301 files/);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("the whole volume as a zip, without what is the file system's own", { skip }, async () => {
  const { page, complaints, context } = await filesOf(demoVolume());
  const { path } = await downloaded(page, () => page.click('button:has-text("Save all as zip")'));
  const entries = entriesOf(path);
  assert.ok(![...entries.keys()].some((name) => name.startsWith("$")));
  assert.equal(digest(entries.get("Letters/2024/letter 07.txt").content), digest(contentOf(demoVolume(), "/Letters/2024/letter 07.txt")));
  assert.equal(entries.get("Virtual disk.img").content.length, (200 << 20) + 20_000);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("of a cut image: what lacks something is marked, fails the zip, and can be left out", { skip }, async () => {
  const { page, complaints, context } = await filesOf(cutImage());
  assert.match(await page.textContent(".files .notice.warning"), /is damaged/);
  await page.waitForSelector('.entries .chip:has-text("not in the image")');
  const download = page.waitForEvent("download");
  await page.click('button:has-text("Save all as zip")');
  assert.notEqual(await (await download).failure(), null);
  const problem = page.locator(".takeout .notice.error");
  await problem.waitFor();
  const listed = await problem.locator(".path-list li").allTextContents();
  assert.ok(listed.length > 0 && listed.every((text) => /^\/.+: /.test(text)), listed.join("\n"));
  const { path } = await downloaded(page, () => problem.getByRole("button", { name: "Continue without these files" }).click());
  const entries = entriesOf(path);
  assert.ok(entries.size > 0);
  const missing = new Set(listed.map((text) => /^\/(.+?): /.exec(text)[1]));
  for (const [name, { content }] of entries) {
    assert.ok(!missing.has(name), name);
    assert.equal(digest(content), digest(contentOf(demoVolume(), `/${name}`)), name);
  }
  await page.waitForSelector(".takeout .notice.good");
  assert.match(await page.textContent(".takeout .notice.good"), new RegExp(`${entries.size} files.*${missing.size} files? left out`));
  assert.deepEqual(complaints, []);
  await context.close();
});

test("of a metadata image nothing is taken out, and the reason is told", { skip }, async () => {
  const { page, context } = await filesOf(demoMetadata(), { saving: "file" });
  for (const name of ["Report.txt", "Read me.txt"]) {
    await page.click(`[aria-label="Save ${name}"]`);
    await page.waitForSelector(".takeout .notice.error");
    assert.match(await page.textContent(".takeout .notice.error"), /content is not in the image/);
    await page.click(".takeout [aria-label='Dismiss']");
  }
  const names = await page.evaluate(async () => {
    const names = [];
    for await (const key of (await navigator.storage.getDirectory()).keys()) {
      names.push(key);
    }
    return names;
  });
  assert.deepEqual(names, []);
  await context.close();
});

test("cancelled in the middle, nothing is left", { skip }, async () => {
  const { page, context } = await filesOf(demoVolume());
  const download = page.waitForEvent("download");
  await page.click('button:has-text("Save all as zip")');
  const started = await download;
  await page.click(".takeout .meter button");
  await page.waitForSelector(".takeout .notice");
  assert.match(await page.textContent(".takeout .notice"), /Nothing was kept/);
  assert.notEqual(await started.failure(), null);
  await context.close();
});

/** The volume with other names of the same length. */
function renamedVolume(names) {
  const bytes = Buffer.from(readFileSync(demoVolume()));
  for (const [from, to] of Object.entries(names)) {
    const [old, other] = [from, to].map((name) => Buffer.from(name, "utf16le"));
    assert.equal(old.length, other.length, from);
    for (let at = bytes.indexOf(old); at >= 0; at = bytes.indexOf(old, at + 1)) {
      other.copy(bytes, at);
    }
  }
  const path = join(scratch("page-zip"), "names.ntfs");
  writeFileSync(path, bytes);
  return path;
}

test("names in a zip are safe, and those that were changed are listed in it and on the page", { skip }, async () => {
  const path = renamedVolume({
    "Read me.txt": "..\\..\\x.txt",
    "Report.txt": "Con.report",
    "Fragmented database.db": "invoices\u202egpj.exe ... .",
    "letter 07.txt": "LETTER 08.TXT",
    Thumbnails: "/../../../",
  });
  const { page, complaints, context } = await filesOf(path);
  const archive = await downloaded(page, () => page.click('button:has-text("Save all as zip")'));
  const entries = entriesOf(archive.path);
  const renamed = {
    ".._.._x.txt": "..\\..\\x.txt",
    "_Con.report": "Con.report",
    "invoices_gpj.exe______": "invoices[U+202E]gpj.exe ... .",
    "Pictures/_.._.._.._": "/../../../",
  };
  const letters = ["LETTER 08.TXT", "letter 08.txt"].map((name) => [`Letters/2024/${name.replace(".", " (2).")}`, name]);
  const [letter] = letters.filter(([name]) => entries.has(name));
  renamed[letter[0]] = letter[1];
  const list = entries.get("Renamed files.txt").content.toString();
  const lines = list.split("\n").filter((line) => line.includes("    was: "));
  assert.deepEqual(lines.sort(), Object.entries(renamed).map(([name, was]) => `${name}    was: ${was}`).sort());
  for (const name of Object.keys(renamed)) {
    assert.ok([...entries.keys()].some((entry) => entry === name || entry.startsWith(`${name}/`)), `${name} is missing`);
  }
  assert.equal(digest(entries.get(".._.._x.txt").content), digest(contentOf(demoVolume(), "/Read me.txt")));
  assert.equal(digest(entries.get("Pictures/_.._.._.._/thumbnail 0007.txt").content), digest(contentOf(demoVolume(), "/Pictures/Thumbnails/thumbnail 0007.txt")));
  assert.equal(digest(entries.get("Letters/2024/LETTER 08.TXT")?.content ?? entries.get("Letters/2024/LETTER 08 (2).TXT").content), digest(contentOf(demoVolume(), "/Letters/2024/letter 07.txt")));
  const all = [...entries.keys()];
  assert.equal(new Set(all.map((name) => name.toLowerCase())).size, all.length);
  assert.ok(!all.some((name) => name.startsWith("/") || name.split("/").includes("..") || /[\\:\u202e]/.test(name)));
  const notice = page.locator(".takeout .notice.good");
  await notice.waitFor();
  assert.match(await notice.textContent(), /5 names changed.*Renamed files\.txt/);
  const listed = await notice.locator(".path-list li").allTextContents();
  assert.equal(listed.length, 5);
  assert.ok(listed.includes("/Con.report → _Con.report"), listed.join("\n"));

  // One file alone.
  const { name } = await downloaded(page, () => page.click('[aria-label="Save Con.report"]'));
  assert.equal(name, "_Con.report");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("where nothing was renamed, there is no list", { skip }, async () => {
  const { page, complaints, context } = await filesOf(demoVolume());
  await goInto(page, "Letters");
  const { path } = await downloaded(page, () => page.click('button:has-text("Save all as zip")'));
  assert.ok(![...entriesOf(path).keys()].some((name) => name.startsWith("Renamed files")));
  await page.waitForSelector(".takeout .notice.good");
  assert.equal(await page.locator(".takeout .path-list").count(), 0);
  assert.deepEqual(complaints, []);
  await context.close();
});
