// What takes the space: as a picture, and as a list that needs no mouse.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { cutImage, demoImage, demoVolume } from "../../wasm/test/support/fixtures.js";
import { go, openFile, skip, start, visit } from "./support/page.js";

let site;
before(async () => {
  site = skip ? undefined : await start();
});
after(() => site?.close());

const rows = (page) =>
  page.$$eval(".entries tbody tr", (all) => all.map((row) => [...row.children].map((cell) => cell.textContent.trim())));

for (const [kind, fixture] of [["image", demoImage], ["volume", demoVolume]]) {
  test(`folders of an ${kind} are gone through by keyboard`, { skip }, async () => {
    const { page, complaints, context } = await visit(site);
    await openFile(page, fixture());
    await go(page, "Files");
    await page.waitForSelector(".entries");
    assert.ok(!(await rows(page)).some(([name]) => name.startsWith("$")));
    await page.check("#system-files");
    await page.waitForFunction(() => document.querySelector(".entries").textContent.includes("$MFT"));
    const root = await rows(page);
    assert.ok(root.some(([name, , , , content]) => name === "$MFT" && / (KiB|MiB)$/.test(content)));
    const folder = root.find(([name, , , , content]) => !name.startsWith("$") && content.endsWith(" items") && !content.startsWith("0 "));
    assert.ok(folder, JSON.stringify(root));
    const total = root.map(([, , share]) => Number.parseInt(share.replace("< ", ""), 10)).reduce((sum, share) => sum + share, 0);
    assert.ok(total >= 90 && total <= 100 + root.length, `${total} %`);

    await page.getByRole("button", { name: folder[0], exact: true }).focus();
    await page.keyboard.press("Enter");
    await page.waitForFunction((name) => document.querySelector(".crumbs [aria-current]").textContent === name, folder[0]);
    assert.match(await page.evaluate(() => location.hash), /^#files\?folder=\d+/);
    assert.ok((await rows(page)).length >= 1);
    await page.goBack();
    await page.waitForFunction(() => document.querySelector(".crumbs [aria-current]").textContent === "Volume");
    assert.deepEqual(await rows(page), root);
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("the list is put in another order, and the picture is not", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, demoImage());
  await go(page, "Files");
  await page.waitForSelector(".box");
  const first = await page.getAttribute(".box", "title");
  assert.equal(await page.textContent('[aria-sort="descending"]'), "Size on disk");
  await page.click('.entries button:text-is("Name")');
  await page.waitForSelector('[aria-sort="ascending"]');
  const names = (await rows(page)).map(([name]) => name.replace(/\d+ streams?$/, ""));
  assert.deepEqual(names, [...names].sort(new Intl.Collator("en", { numeric: true }).compare));
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Name");
  assert.equal(await page.getAttribute(".box", "title"), first);
  // The same in the next folder.
  await page.click('.entries button:has-text("Letters")');
  await page.waitForFunction(() => document.querySelectorAll(".crumbs li").length === 2);
  assert.equal(await page.textContent('[aria-sort="ascending"]'), "Name");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("boxes are as large as what they stand for, and open folders", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, demoImage());
  await go(page, "Files");
  await page.waitForSelector(".box");
  const found = await page.$$eval(".box", (all) => all.map((box) => ({ area: box.offsetWidth * box.offsetHeight, title: box.title })));
  const areas = found.map(({ area }) => area);
  assert.ok(areas[0] === Math.max(...areas) && areas[0] > 0);
  const surface = await page.$eval(".treemap", (element) => element.clientWidth * element.clientHeight);
  const sum = areas.reduce((sum, area) => sum + area, 0);
  assert.ok(sum > 0.8 * surface && sum <= surface, `${sum} of ${surface}`);
  await page.click(".box.directory");
  await page.waitForFunction(() => document.querySelectorAll(".crumbs li").length === 2);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a link leads into a folder, and a damaged image says why there are none", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.evaluate(() => (location.hash = "#files?open=sample&folder=11"));
  await page.waitForSelector(".entries");
  assert.equal(await page.textContent(".crumbs [aria-current]"), "$Extend");
  await page.reload();
  await page.waitForSelector(".entries");
  assert.equal(await page.textContent(".crumbs [aria-current]"), "$Extend");
  await page.click('[aria-label="Close"]');
  await openFile(page, cutImage());
  await go(page, "Files");
  await page.waitForSelector(".files .muted, .files .notice");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("small screens show fewer columns, of the head and of every row the same", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, demoImage());
  await go(page, "Files");
  await page.waitForSelector(".entries tbody tr");
  for (const [width, expected] of [
    [1280, ["name", "modified", "share", "room", "content", "save"]],
    [800, ["name", "modified", "room", "content", "save"]],
    [390, ["name", "room", "save"]],
  ]) {
    await page.setViewportSize({ width, height: 844 });
    const shown = await page.$$eval(".entries tr", (all) =>
      all.map((row) => [...row.children].filter((cell) => cell.checkVisibility()).map((cell) => cell.className.replace("column-", ""))),
    );
    for (const row of shown) {
      assert.deepEqual(row, expected, `${width} pixels`);
    }
  }
  assert.deepEqual(complaints, []);
  await context.close();
});
