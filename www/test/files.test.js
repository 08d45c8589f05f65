// The files as a browser of them: a list by keyboard and mouse, a search, a look at each, and a picture of what takes the space.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { cutImage, demoImage, demoVolume, scratch } from "../../wasm/test/support/fixtures.js";
import { contentOf, recordOf, runsOf, skipWithoutTools } from "./support/ntfs-tools.js";
import { go, openFile, skip, start, visit } from "./support/page.js";
import { entriesOf } from "./support/zip.js";

let site;
before(async () => {
  site = skip ? undefined : await start();
});
after(() => site?.close());

/** The Files view of it. */
async function filesOf(fixture, options) {
  const visited = await visit(site, { timezoneId: "UTC", ...options });
  await visited.page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await openFile(visited.page, fixture);
  await go(visited.page, "Files");
  await visited.page.waitForSelector(".rows .entry-link");
  return visited;
}

const names = (page) => page.$$eval(".rows .entry-link", (all) => all.map(({ textContent }) => textContent));
const isIn = (page, folder) => page.waitForFunction((name) => document.querySelector(".crumbs [aria-current]")?.textContent === name, folder);
/** What a reader of the screen is told to be at. */
const pointedAt = (page) => page.$eval(".entries", (list) => document.getElementById(list.getAttribute("aria-activedescendant"))?.querySelector(".entry-link")?.textContent);

for (const [kind, fixture] of [["image", demoImage], ["volume", demoVolume]]) {
  test(`${kind === "image" ? "an image" : "a volume"} is gone through by keyboard alone`, { skip }, async () => {
    const { page, complaints, context } = await filesOf(fixture());
    assert.deepEqual((await names(page)).slice(0, 3), ["Compressed", "Letters", "Pictures"]);
    await page.focus(".entries");
    const key = async (key, name) => {
      await page.keyboard.press(key);
      await page.waitForFunction((name) => document.querySelector(".entry.active .entry-link")?.textContent === name, name);
      assert.equal(await pointedAt(page), name);
    };
    await key("ArrowDown", "Letters");
    await key("End", "Virtual disk.img");
    await key("Home", "Compressed");
    // Letters go to a name; the same again to the next.
    await key("r", "Read me.txt");
    await key("r", "Report.txt");
    await page.waitForTimeout(1000);
    await page.keyboard.type("pic");
    await page.waitForFunction(() => document.querySelector(".entry.active .entry-link")?.textContent === "Pictures");
    await page.keyboard.press("Enter");
    await isIn(page, "Pictures");
    assert.match(await page.evaluate(() => location.hash), /^#files\?folder=\d+$/);
    await key("Home", "Thumbnails");
    await page.keyboard.press("Enter");
    await isIn(page, "Thumbnails");
    await key("End", "thumbnail 0299.txt");
    await key("PageUp", await page.evaluate(() => `thumbnail 0${299 - (Math.floor(document.querySelector(".entries").clientHeight / 38) - 2)}.txt`));
    await page.keyboard.press("Backspace");
    await isIn(page, "Pictures");
    // Where one comes from.
    await page.waitForFunction(() => document.querySelector(".entry.active .entry-link")?.textContent === "Thumbnails");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForSelector('.file-panel h2:has-text("photo.raw")');
    await page.keyboard.press("Escape");
    await page.waitForSelector(".file-panel", { state: "hidden" });
    assert.ok(await page.evaluate(() => document.activeElement.classList.contains("entries")));
    await page.goBack();
    await page.goBack();
    await isIn(page, "Pictures");
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.id), "search");
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("sorted by each column in both directions, which stays in the address", { skip }, async () => {
  const { page, complaints, context } = await filesOf(demoImage());
  const sorted = async (title, direction) => {
    await page.click(`.entry.head button:text-is("${title}")`);
    await page.waitForSelector(`[aria-sort="${direction}"] button:text-is("${title}")`);
    await page.waitForSelector(".rows .entry-link");
    return names(page);
  };
  const bySize = await sorted("Size", "descending");
  assert.equal(bySize[0], "Virtual disk.img");
  assert.deepEqual(await sorted("Size", "ascending"), [...bySize].reverse());
  assert.match(await page.evaluate(() => location.hash), /sort=size$/);
  assert.equal((await sorted("Size on disk", "descending"))[0], "Fragmented database.db");
  const byName = await sorted("Name", "ascending");
  const isFolder = (name) => ["Compressed", "Letters", "Pictures"].includes(name);
  assert.deepEqual(byName.map(isFolder), [true, true, true, false, false, false, false, false]);
  const files = byName.filter((name) => !isFolder(name));
  assert.deepEqual(files, [...files].sort(new Intl.Collator("en", { numeric: true }).compare));
  await sorted("Name", "descending");
  await page.reload();
  await page.setInputFiles("#file", demoImage());
  await page.waitForSelector('[aria-sort="descending"] button:text-is("Name")');
  // The same in the next folder.
  await page.click('.entry-link:text-is("Letters"), .entry-link:has(bdi:text-is("Letters"))');
  await isIn(page, "Letters");
  assert.equal(await page.textContent('[aria-sort="descending"]'), "Name");
  // Other sections do not lose the place.
  await go(page, "Bytes");
  await go(page, "Files");
  await isIn(page, "Letters");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("all names are searched while they are typed, and what is found can be taken out", { skip }, async () => {
  const { page, complaints, context } = await filesOf(demoImage());
  await page.focus("#search");
  await page.keyboard.type("letter 0*.txt");
  await page.waitForFunction(() => document.querySelector(".list-told")?.textContent === "9 files found");
  assert.match(await page.textContent('[role="status"]'), /9 files found/);
  assert.match(await page.evaluate(() => location.hash), /search=letter/);
  assert.deepEqual((await names(page)).slice(0, 2), ["letter 01.txt", "letter 02.txt"]);
  assert.equal(await page.textContent(".rows .entry-path"), "/Letters/2024");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=Save what is found as zip")]);
  assert.equal(download.suggestedFilename(), "demo.img selection.zip");
  await page.waitForSelector(".takeout .notice.good");
  assert.match(await page.textContent(".takeout .notice.good"), /9 files/);
  // On in the list by keyboard; a file does not lose the place.
  await page.focus("#search");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForSelector('.file-panel h2:has-text("letter 02.txt")');
  assert.equal((await names(page)).length, 9);
  await page.click(".search-filters summary");
  await page.fill("#search", "");
  await page.fill("#search-least", "0.3");
  await page.waitForFunction(() => document.querySelector(".list-told")?.textContent === "3 files found");
  await page.fill("#search-since", "2030-01-01");
  await page.waitForFunction(() => document.querySelector(".list-empty")?.textContent === "No name matches.");
  await page.click('.search-fields button:text-is("Clear")');
  await page.waitForFunction(() => document.querySelectorAll(".rows .entry-link").length === 8);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("several are chosen by mouse and keyboard, and saved as zip and tar with their times", { skip: skip || skipWithoutTools }, async () => {
  const { page, complaints, context } = await filesOf(demoImage());
  await page.click('[aria-label="Choose Letters"]');
  await page.click('[aria-label="Choose Report.txt"]');
  assert.match(await page.textContent(".list-told"), /^2 chosen, 244 KiB/);
  assert.equal(await page.locator('.entry[aria-selected="true"]').count(), 2);
  const [zip] = await Promise.all([page.waitForEvent("download"), page.click("text=Save 2 as zip")]);
  assert.equal(zip.suggestedFilename(), "demo.img selection.zip");
  await page.waitForSelector(".takeout .notice.good");

  const [tar] = await Promise.all([page.waitForEvent("download"), page.click('.list-foot button:text-is("tar")')]);
  assert.equal(tar.suggestedFilename(), "demo.img selection.tar");
  const folder = scratch("page-tar");
  execFileSync("tar", ["-xf", await tar.path(), "-C", folder]);
  for (const path of ["Letters/2024/letter 07.txt", "Report.txt"]) {
    assert.deepEqual(readFileSync(join(folder, path)), contentOf(demoVolume(), `/${path}`), path);
  }
  const told = execFileSync("tar", ["--full-time", "--utc", "-tvf", await tar.path()], { encoding: "utf8" });
  assert.match(told, /2024-07-01 12:00:00 Report\.txt/);

  await page.focus(".entries");
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => !document.querySelector(".list-told").textContent.includes("chosen"));
  await page.keyboard.press("Control+a");
  await page.waitForFunction(() => document.querySelector(".list-told")?.textContent.startsWith("8 chosen"));
  await page.click('.entry.head button:text-is("Size")');
  await page.waitForSelector('[aria-sort="descending"] button:text-is("Size")');
  assert.match(await page.textContent(".list-told"), /^8 chosen/);
  await page.focus(".entries");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Home");
  await page.keyboard.press("Space");
  await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Shift+ArrowDown");
  await page.waitForFunction(() => document.querySelector(".list-told")?.textContent.startsWith("3 chosen"));
  assert.deepEqual(complaints, []);
  await context.close();
});

test("into a folder of the visitor's: all of it, in a new one", { skip: skip || skipWithoutTools }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.addInitScript(() => {
    window.showDirectoryPicker = () => navigator.storage.getDirectory();
  });
  await page.reload();
  await openFile(page, demoImage());
  await go(page, "Files");
  await page.waitForSelector(".rows .entry-link");
  await page.click('.entry-link:has(bdi:text-is("Letters"))');
  await isIn(page, "Letters");
  for (const name of ["Letters", "Letters (2)"]) {
    await page.click('.list-foot button:has-text("Folder…")');
    await page.waitForFunction((name) => document.querySelector(".takeout .notice.good")?.textContent.includes(`/${name} is complete`), name);
    const digest = await page.evaluate(async (name) => {
      const root = await (await navigator.storage.getDirectory()).getDirectoryHandle(name);
      const file = await (await (await root.getDirectoryHandle("2024")).getFileHandle("letter 07.txt")).getFile();
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
      return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    }, name);
    assert.equal(digest, createHash("sha256").update(contentOf(demoVolume(), "/Letters/2024/letter 07.txt")).digest("hex"));
  }
  assert.deepEqual(complaints, []);
  await context.close();
});

test("into a folder, what cannot be read is listed, and all else is there", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.addInitScript(() => {
    window.showDirectoryPicker = () => navigator.storage.getDirectory();
  });
  await page.reload();
  await openFile(page, cutImage());
  await go(page, "Files");
  await page.waitForSelector(".rows .entry-link");
  await page.click('.list-foot button:has-text("Folder…")');
  await page.waitForSelector(".takeout .notice.good");
  const listed = await page.locator(".takeout .path-list li").allTextContents();
  assert.match(await page.textContent(".takeout .notice.good"), new RegExp(`${listed.length} files left out`));
  const saved = await page.evaluate(async () => {
    const names = [];
    const walk = async (folder, path) => {
      for await (const [name, handle] of folder.entries()) {
        await (handle.kind === "directory" ? walk(handle, `${path}${name}/`) : names.push(path + name));
      }
    };
    await walk(await (await navigator.storage.getDirectory()).getDirectoryHandle("cut.img"), "/");
    return names;
  });
  assert.ok(saved.includes("/Read me.txt"), saved.join());
  assert.ok(listed.every((text) => !saved.includes(/^(.+?): /.exec(text)[1])), listed.join());
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a file is looked at beside the list: its text, times, attributes and checksum", { skip: skip || skipWithoutTools }, async () => {
  const { page, complaints, context } = await filesOf(demoImage());
  await page.click('.entry-link:has(bdi:text-is("Report.txt"))');
  await page.waitForSelector(".preview-text");
  const text = contentOf(demoVolume(), "/Report.txt").toString("utf8");
  assert.ok(text.startsWith((await page.textContent(".preview-text")).slice(0, 1000)));
  await page.click('.file-panel button:text-is("Compute")');
  const digest = createHash("sha256").update(text).digest("hex");
  await page.waitForFunction((digest) => document.querySelector(".digest")?.textContent === digest, digest);
  await page.click(".panel-more summary");
  await page.waitForSelector(".panel-more time");
  const more = await page.textContent(".panel-more");
  const record = Number(/MFT record([\d,]+), sequence/.exec(more)[1].replaceAll(",", ""));
  const { attributes } = recordOf(demoVolume(), record);
  const [standard] = attributes;
  const created = new Date(/File Creation Time:\s+(.*)/.exec(standard.text)[1]).toISOString().slice(0, 19).replace("T", " ");
  assert.match(more, new RegExp(`Created${created}\\.\\d{7} UTC`));
  assert.match(more, /Attributes0x20 \(archive\)/);
  assert.match(more, /Hard links\d/);

  // The list stays where it is.
  await page.click('.entry-link:has(bdi:text-is("Virtual disk.img"))');
  await page.waitForSelector('.file-panel h2:has-text("Virtual disk.img")');
  assert.match(await page.textContent(".preview"), /First 256 bytes0000 {2}/);
  assert.equal((await names(page)).length, 8);
  assert.deepEqual(complaints, []);
  await context.close();
});

/** The volume, with other bytes at the start of a file. */
function withContent(path, start) {
  const bytes = Buffer.from(readFileSync(demoVolume()));
  const [{ lcn }] = runsOf(demoVolume(), path);
  start.copy(bytes, lcn * 4096);
  return bytes;
}

/** A dot. */
const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");

for (const [what, start, check] of [
  ["a picture", PNG, (page) => page.waitForFunction(() => document.querySelector(".preview img")?.naturalWidth === 1)],
  ["a PDF, on demand", Buffer.from("%PDF-1.4\n%âãÏÓ\n"), async (page) => {
    await page.click("text=Show the PDF");
    await page.waitForSelector(".preview iframe");
    assert.match(await page.getAttribute(".preview iframe", "src"), /^blob:/);
  }],
  ["what is no picture", Buffer.from("\x89PNG\r\n\x1a\nbroken", "latin1"), (page) => page.waitForSelector(".preview:has-text('cannot show this picture')")],
  ["a page with a script, which is text", Buffer.from("<script>document.title = 'taken'</script><img src=x onerror=alert(1)>\n"), async (page) => {
    await page.waitForSelector(".preview-text:has-text('<script>')");
    assert.doesNotMatch(await page.title(), /taken/);
    assert.equal(await page.locator(".preview img, .preview script").count(), 0);
  }],
]) {
  test(`a look at ${what}`, { skip: skip || skipWithoutTools }, async () => {
    const { page, complaints, context } = await visit(site);
    const path = join(scratch("page-preview"), "preview.ntfs");
    writeFileSync(path, withContent("/Report.txt", start));
    await openFile(page, path);
    await go(page, "Files");
    await page.click('.entry-link:has(bdi:text-is("Report.txt"))');
    await check(page);
    // A PDF's viewer may not be there, or says what is wrong with it.
    assert.deepEqual(what.startsWith("a PDF") ? [] : complaints, []);
    await context.close();
  });
}

test("a file with two names is in both folders, and in the zip of each", { skip: skip || skipWithoutTools }, async () => {
  const { page, complaints, context } = await filesOf(demoImage());
  await page.click('.entry-link:has(bdi:text-is("Letters"))');
  await isIn(page, "Letters");
  await page.click('.entry-link:has(bdi:text-is("The same report.txt"))');
  await page.waitForSelector(".preview-text");
  assert.match(await page.textContent(".file-facts"), /All names\/Report\.txt\/Letters\/The same report\.txt|All names\/Letters\/The same report\.txt\/Report\.txt/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=Save all as zip")]);
  const entries = entriesOf(await download.path());
  assert.deepEqual(entries.get("The same report.txt").content, contentOf(demoVolume(), "/Report.txt"));
  assert.deepEqual(complaints, []);
  await context.close();
});

test("20,000 rows: few exist at once, and scrolling stays smooth", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  const rows = 20_000;
  // A volume with so many takes long to make: the worker answers as if it were one.
  await page.addInitScript((rows) => {
    const row = (index) => ({
      id: index, record: 100 + index, name: `file ${String(index).padStart(5, "0")}.txt`, holder: "file", isFolder: false, isIncomplete: false, isLink: false,
      streams: 0, modified: 0, size: index, room: 4096, inside: 0, incompleteInside: 0, isSystem: false, path: null,
    });
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message, ...rest) {
      const answer = (answer) => setTimeout(() => this.dispatchEvent(new MessageEvent("message", { data: { id: message.id, answer } })), 2);
      if (message.call === "list") {
        answer({ path: [], folder: { ...row(0), isFolder: true, name: ".", record: 5 }, length: rows, inside: rows, room: rows * 4096, largest: [] });
      } else if (message.call === "rows") {
        const { from, length } = message.question;
        answer(Array.from({ length: Math.min(length, rows - from) }, (_, index) => row(from + index)));
      } else {
        post.call(this, message, ...rest);
      }
    };
  }, rows);
  await page.reload();
  await openFile(page, demoImage());
  await go(page, "Files");
  await page.waitForSelector(".rows .entry-link");
  const scrolled = await page.evaluate(async () => {
    const list = document.querySelector(".entries");
    const frames = { still: [], scrolling: [] };
    let most = 0;
    for (let step = 0; step < 240; step += 1) {
      const started = performance.now();
      list.scrollTop += step % 2 === 0 ? 6000 : 0;
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      frames[step % 2 === 0 ? "scrolling" : "still"].push(performance.now() - started);
      most = Math.max(most, document.querySelectorAll(".rows .entry").length);
    }
    const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];
    return { most, still: median(frames.still), scrolling: median(frames.scrolling) };
  });
  assert.ok(scrolled.most < 100, `${scrolled.most} rows exist`);
  console.log(`two frames: ${scrolled.scrolling.toFixed(1)} ms while scrolling, ${scrolled.still.toFixed(1)} ms else`);
  assert.ok(scrolled.scrolling < 2 * scrolled.still);
  await page.focus(".entries");
  await page.keyboard.press("End");
  await page.waitForFunction(() => document.querySelector(".entry.active .entry-link")?.textContent === "file 19999.txt");
  const head = await page.$eval(".entry.head", (head) => head.getBoundingClientRect().top - head.closest(".entries").getBoundingClientRect().top);
  assert.ok(Math.abs(head) < 3, "the head stays in place");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("the list is saved for other programs", { skip }, async () => {
  const { page, complaints, context } = await filesOf(demoImage());
  const [csv] = await Promise.all([page.waitForEvent("download"), page.click('[aria-label="List as CSV"]')]);
  assert.equal(csv.suggestedFilename(), "demo.img.files.csv");
  const lines = readFileSync(await csv.path(), "utf8").trimEnd().split("\r\n");
  assert.equal(lines.length, 9);
  const [json] = await Promise.all([page.waitForEvent("download"), page.click('[aria-label="List as JSON"]')]);
  const list = JSON.parse(readFileSync(await json.path(), "utf8"));
  assert.deepEqual(list.map(({ path }) => path.slice(1)), await names(page));
  assert.deepEqual(complaints, []);
  await context.close();
});

test("boxes are as large as what they stand for, and open folders", { skip }, async () => {
  const { page, complaints, context } = await filesOf(demoImage());
  await page.click('.switch label:has-text("Map")');
  await page.waitForSelector(".box");
  assert.match(await page.evaluate(() => location.hash), /show=map/);
  const found = await page.$$eval(".box", (all) => all.map((box) => ({ area: box.offsetWidth * box.offsetHeight, title: box.title })));
  const areas = found.map(({ area }) => area);
  assert.ok(areas[0] === Math.max(...areas) && areas[0] > 0);
  const surface = await page.$eval(".treemap", (element) => element.clientWidth * element.clientHeight);
  const sum = areas.reduce((sum, area) => sum + area, 0);
  assert.ok(sum > 0.8 * surface && sum <= surface, `${sum} of ${surface}`);
  await page.click(".box.directory");
  await page.waitForFunction(() => document.querySelectorAll(".crumbs li").length === 2);
  await page.click('.switch label:has-text("List")');
  await page.waitForSelector(".rows .entry-link");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a link leads into a folder, and a damaged image says why there are none", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.evaluate(() => (location.hash = "#files?open=sample&folder=11"));
  await page.waitForSelector(".rows .entry-link");
  assert.equal(await page.textContent(".crumbs [aria-current]"), "$Extend");
  await page.reload();
  await page.waitForSelector(".rows .entry-link");
  assert.equal(await page.textContent(".crumbs [aria-current]"), "$Extend");
  await page.click('[aria-label="Close"]');
  await openFile(page, cutImage());
  await go(page, "Files");
  await page.waitForSelector(".files .notice");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("small screens show fewer columns, of the head and of every row the same", { skip }, async () => {
  const { page, complaints, context } = await filesOf(demoImage());
  for (const [width, expected] of [
    [1280, ["select", "name", "size", "room", "modified", "kind", "save"]],
    [1000, ["select", "name", "size", "modified", "kind", "save"]],
    [800, ["select", "name", "size", "modified", "save"]],
    [390, ["select", "name", "size", "save"]],
  ]) {
    await page.setViewportSize({ width, height: 844 });
    await page.waitForTimeout(100);
    const shown = await page.$$eval(".entry", (all) =>
      all.map((row) => [...row.children].filter((cell) => cell.checkVisibility()).map((cell) => cell.className.replace("column-", ""))),
    );
    for (const row of shown) {
      assert.deepEqual(row, expected, `${width} pixels`);
    }
  }
  assert.deepEqual(complaints, []);
  await context.close();
});
