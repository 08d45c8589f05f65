// The picture of the clusters: what it shows is what is so, and it can be used without a mouse.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { cutImage, demoImage, demoMetadata, demoVolume, ntfsclone } from "../../wasm/test/support/fixtures.js";
import { distance, EYES } from "./support/eyes.js";
import { runsOf, skipWithoutTools } from "./support/ntfs-tools.js";
import { openFile, skip, start, visit } from "./support/page.js";

let site;
before(async () => {
  site = skip ? undefined : await start();
});
after(() => site?.close());

const CLUSTER = 4096;

/** What the picture says of the place where the keyboard is, when it is drawn. */
async function told(page) {
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  await page.waitForSelector('.map-surface[aria-busy="false"]');
  return page.textContent(".map-told");
}

/** Until it is known whose the clusters are. */
async function surveyed(page) {
  await page.waitForSelector('.map[data-survey="done"]');
  await told(page);
}

/** Goes so close that single clusters are seen. */
async function goClose(page) {
  await page.focus(".map-surface");
  for (let count = 0; count < 12; count += 1) {
    await page.keyboard.press("+");
  }
  assert.match((await told(page), await page.textContent(".map-each")), /one square = 1 cluster \(4 KiB\)/);
}

async function toldOf(page, cluster) {
  await page.evaluate((at) => (location.hash = `#overview?at=${at}`), cluster * CLUSTER);
  await page.waitForFunction((text) => document.querySelector(".map-told")?.textContent.includes(text), `Cluster ${cluster.toLocaleString("en")} `);
  return told(page);
}

for (const [what, fixture] of [
  ["a volume", demoVolume],
  ["an image", demoImage],
]) {
  test(`every run in use of ${what} is shown as that, with its file, and what lies between as free`, { skip }, async () => {
    const { page, complaints, context } = await visit(site);
    await openFile(page, fixture());
    await surveyed(page);
    const { areas } = JSON.parse(ntfsclone("map", "--format", "json", demoVolume()));
    const clusters = areas.map(({ offset, length }) => ({ first: offset / CLUSTER, end: Math.floor((offset + length) / CLUSTER) }));
    await goClose(page);
    for (const { first, end } of clusters.slice(0, 6).concat(clusters.slice(-3, -1))) {
      assert.match(await toldOf(page, first), / · (\$MFT|system files|folders|files)$/);
      await page.waitForSelector(".map-holders li");
      assert.match(await toldOf(page, end), / free$/);
      await page.waitForFunction(() => document.querySelectorAll(".map-holders li").length === 0);
    }
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("the clusters of a file lead to it, and it leads to them", { skip: skip || skipWithoutTools }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, demoVolume());
  await surveyed(page);
  const path = "/Fragmented database.db";
  const runs = runsOf(demoVolume(), path);
  await goClose(page);
  for (const { lcn, length } of runs.slice(0, 3)) {
    assert.match(await toldOf(page, lcn + length - 1), / · files$/);
    await page.waitForFunction((path) => document.querySelector(".map-holders")?.textContent === path, path);
  }
  await page.click(".map-holders button");
  await page.waitForSelector(`.file-panel h2:has-text("${path.slice(1)}")`);
  assert.match(await page.evaluate(() => location.hash), /^#files\?file=\d+$/);
  assert.equal(await page.textContent(".entries [aria-current] button"), path.slice(1));
  const pieces = await page.$$eval(".pieces li", (all) => all.map((item) => item.textContent));
  const lcns = runs.map(({ lcn }) => lcn).sort((a, b) => a - b);
  assert.equal(pieces[0], `cluster ${lcns[0].toLocaleString("en")} 4 KiB`);
  assert.equal(pieces.at(-1), `and ${lcns.length - 12} more runs`);
  await page.click(".pieces button");
  await page.waitForSelector(".view.bytes:not([hidden]) .hex .cursor");
  assert.match(await page.textContent(".inspector"), new RegExp(`\\(0x${(lcns[0] * CLUSTER).toString(16)}\\)`));
  assert.deepEqual(complaints, []);
  await context.close();
});

test("the legend counts what there is: as much as is in use", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, demoVolume());
  await surveyed(page);
  const counts = await page.$$eval(".legend.with-counts li", (all) =>
    all.filter((item) => item.querySelector("strong")).map((item) => [item.querySelector(".legend-name").textContent, Number(/([\d,]+) clusters?$/.exec(item.textContent)[1].replaceAll(",", ""))]),
  );
  const { volume } = JSON.parse(ntfsclone("info", "--json", demoVolume()));
  const { free, ...others } = Object.fromEntries(counts);
  assert.equal(free, volume.usage.free);
  assert.equal(Object.values(others).reduce((sum, count) => sum + count, 0), volume.usage.used);
  assert.deepEqual(Object.keys(others).sort(), ["$MFT", "files", "folders", "system files"]);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("by keyboard and mouse: move, zoom, and on to the bytes", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, demoImage());
  await surveyed(page);
  await page.focus(".map-surface");
  await page.keyboard.press("Home");
  const first = await told(page);
  assert.match(first, /^Clusters 0 – \d+ · byte 0 \(0x0\) · \$MFT \d+%, system files \d+%, free \d+%$/);
  await page.waitForFunction(() => /Clusters 0 .* \/\$Boot/.test(document.querySelector('[role="status"]')?.textContent));
  await page.keyboard.press("ArrowRight");
  assert.notEqual(await told(page), first);
  assert.match(await page.evaluate(() => location.hash), /#overview\?at=\d+/);

  const before = await page.textContent(".map-each");
  await page.keyboard.press("+");
  assert.notEqual((await told(page), await page.textContent(".map-each")), before);
  assert.ok(await page.isVisible(".map-position"));
  await page.click("text=Whole volume");
  await told(page);
  assert.equal(await page.textContent(".map-each"), before);

  const canvas = await page.locator(".map-surface canvas").boundingBox();
  await page.mouse.move(canvas.x + 5, canvas.y + 5);
  assert.match(await told(page), /^Clusters 0 –/);
  await page.mouse.click(canvas.x + 5 + 11 * 3, canvas.y + 5);
  const at = Number((await page.evaluate(() => location.hash)).match(/at=(\d+)/)[1]);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".view.bytes:not([hidden]) .hex .cursor");
  const inspected = await page.textContent(".inspector");
  assert.ok(inspected.includes(at.toLocaleString("en")), `${at} is not in ${inspected}`);
  await page.goBack();
  await page.waitForSelector(".view.overview:not([hidden])");
  assert.deepEqual(complaints, []);
  await context.close();
});

/** The colours of the picture, and how many pixels have each. */
function colours(page) {
  return page.evaluate(() => {
    const canvas = document.querySelector(".map-surface canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const pixel = document.createElement("canvas").getContext("2d");
    const style = getComputedStyle(canvas);
    const count = (name) => {
      pixel.fillStyle = style.getPropertyValue(name).trim();
      pixel.fillRect(0, 0, 1, 1);
      const [red, green, blue] = pixel.getImageData(0, 0, 1, 1).data;
      let found = 0;
      for (let at = 0; at < data.length; at += 4) {
        found += Number(data[at] === red && data[at + 1] === green && data[at + 2] === blue && data[at + 3] === 255);
      }
      return found;
    };
    const kinds = ["mft", "system", "directory", "file", "missing", "free"];
    return Object.fromEntries(kinds.map((kind) => [kind, count(`--map-${kind}`)]));
  });
}

for (const [what, fixture, isMissing] of [
  ["an image", demoImage, false],
  ["a metadata image", demoMetadata, true],
]) {
  test(`what is missing from ${what}`, { skip }, async () => {
    const { page, context } = await visit(site);
    await openFile(page, fixture());
    await surveyed(page);
    const { missing, file, ...others } = await colours(page);
    assert.ok(Object.values(others).every((pixels) => pixels > 0), JSON.stringify(others));
    assert.equal(missing > 0, isMissing, `${missing} pixels are missing`);
    // It has all metadata, and the content of no file.
    assert.equal(file > 0, !isMissing, `${file} pixels of files`);
    assert.equal(await page.isVisible(".legend .missing"), isMissing);
    await context.close();
  });
}

for (const colorScheme of ["light", "dark"]) {
  test(`colours of the map, ${colorScheme}, can be told apart by all eyes`, { skip }, async () => {
    const { page, context } = await visit(site, { colorScheme });
    await openFile(page, demoVolume());
    const kinds = ["mft", "system", "directory", "file", "missing", "bad", "unknown", "free"];
    const found = await page.evaluate((kinds) => {
      const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
      return kinds.map((kind) => {
        const probe = document.createElement("span");
        probe.style.color = `var(--map-${kind})`;
        document.body.append(probe);
        pixel.fillStyle = getComputedStyle(probe).color;
        pixel.fillRect(0, 0, 1, 1);
        return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
      });
    }, kinds);
    for (const eyes of Object.keys(EYES)) {
      found.forEach((colour, index) => {
        found.slice(index + 1).forEach((other, offset) => {
          const far = distance(colour, other, eyes);
          assert.ok(far > 0.085, `${kinds[index]} and ${kinds[index + 1 + offset]} are ${far.toFixed(3)} apart: ${eyes}`);
        });
      });
    }
    await context.close();
  });
}

test("of an image that is cut short, the picture goes up to there, and all else is missing", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, cutImage());
  assert.equal(await page.textContent(".overview h1"), "cut.img");
  await surveyed(page);
  assert.match(await page.textContent(".map-state"), /^Damaged, and shown as far as it can be read: the image is truncated: it ends after [0-9,]+ bytes, inside cluster /);
  assert.ok(!(await page.getAttribute(".map-state", "class")).includes("is-exact"));
  const found = await colours(page);
  assert.ok(["mft", "system", "file", "missing", "free"].every((kind) => found[kind] > 0), JSON.stringify(found));
  assert.deepEqual(complaints, []);
  await context.close();
});

test("of an image without $MFT, what is in it is shown, and why there is no more", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  // A header, the gap before the first cluster, and the first cluster: the boot sector.
  const bytes = readFileSync(demoImage()).subarray(0, 6000);
  await page.setInputFiles("#file", { name: "short.img", mimeType: "", buffer: bytes });
  await page.waitForSelector('.map[data-survey="failed"]');
  assert.match(await page.textContent(".map-state"), /^Damaged, and shown as far as it can be read: .*Owners are unknown: /);
  assert.ok(await page.isVisible(".map-surface"));
  await page.click('.sections a:has-text("Files")');
  await page.waitForSelector(".files .notice.error");
  assert.deepEqual(complaints, []);
  await context.close();
});
