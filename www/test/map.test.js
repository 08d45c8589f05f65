// The picture of the clusters: what it shows is what is so, and it can be used without a mouse.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { cutImage, demoImage, demoMetadata, demoVolume, ntfsclone } from "../../wasm/test/support/fixtures.js";
import { openFile, skip, start, visit } from "./support/page.js";

let site;
before(async () => {
  site = skip ? undefined : await start();
});
after(() => site?.close());

const CLUSTER = 4096;

/** What the picture says of the place where the keyboard is. */
async function told(page) {
  // Drawn with the next frame.
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  return page.textContent(".map-told");
}

test("every run in use is shown as that, and what lies between as free", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, demoVolume());
  await page.waitForSelector(".map-state.is-exact");
  const { areas } = JSON.parse(ntfsclone("map", "--format", "json", demoVolume()));
  const clusters = areas.map(({ offset, length }) => ({ first: offset / CLUSTER, end: Math.floor((offset + length) / CLUSTER) }));
  // Close enough to see single clusters.
  await page.focus(".map-surface");
  for (let count = 0; count < 12; count += 1) {
    await page.keyboard.press("+");
  }
  assert.match(await page.textContent(".map-each"), /one square = 1 cluster \(4 KiB\)/);
  for (const { first, end } of clusters.slice(0, 6).concat(clusters.slice(-3, -1))) {
    await page.evaluate((at) => (location.hash = `#overview?at=${at}`), first * CLUSTER);
    await page.waitForFunction((text) => document.querySelector(".map-told").textContent.includes(text), `Cluster ${first.toLocaleString("en")} `);
    assert.match(await told(page), / used$/);
    await page.evaluate((at) => (location.hash = `#overview?at=${at}`), end * CLUSTER);
    await page.waitForFunction((text) => document.querySelector(".map-told").textContent.includes(text), `Cluster ${end.toLocaleString("en")} `);
    assert.match(await told(page), / free$/);
  }
  assert.deepEqual(complaints, []);
  await context.close();
});

test("by keyboard and mouse: move, zoom, and on to the bytes", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, demoImage());
  await page.waitForSelector(".map-state.is-exact");
  await page.focus(".map-surface");
  await page.keyboard.press("Home");
  const first = await told(page);
  assert.match(first, /^Clusters 0 – \d+ · byte 0 \(0x0\)/);
  await page.keyboard.press("ArrowRight");
  assert.notEqual(await told(page), first);
  assert.match(await page.evaluate(() => location.hash), /#overview\?at=\d+/);
  assert.match(await page.textContent('[role="status"]'), /^Clusters/);

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
    return { used: count("--map-used"), free: count("--map-free"), missing: count("--map-missing") };
  });
}

for (const [what, fixture, isMissing] of [
  ["an image", demoImage, false],
  ["a metadata image", demoMetadata, true],
]) {
  test(`what is missing from ${what}`, { skip }, async () => {
    const { page, context } = await visit(site);
    await openFile(page, fixture());
    await page.waitForSelector(".map-state.is-exact");
    await told(page);
    const { used, free, missing } = await colours(page);
    assert.ok(used > 0 && free > 0, `${used} used, ${free} free`);
    assert.equal(missing > 0, isMissing, `${missing} pixels`);
    assert.equal(await page.isVisible(".legend .missing"), isMissing);
    await context.close();
  });
}

test("of an image that is cut short there is no picture, but the reason", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, cutImage());
  await page.waitForFunction(() => document.querySelector(".map-state").textContent.startsWith("No picture: the image command at byte "));
  assert.ok(!(await page.isVisible(".map-surface")));
  assert.equal(await page.textContent(".overview h1"), "cut.img");
  assert.deepEqual(complaints, []);
  await context.close();
});
