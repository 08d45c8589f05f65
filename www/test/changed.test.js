// What goes wrong outside: the file changes, or the disk is full.

import assert from "node:assert/strict";
import { appendFileSync, closeSync, copyFileSync, openSync, rmSync, utimesSync, writeSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { demoImage, demoVolume, scratch } from "../../wasm/test/support/fixtures.js";
import { go, openFile, skip, start, visit } from "./support/page.js";

let site;
before(async () => {
  site = skip ? undefined : await start();
});
after(() => site?.close());

/** An image that was written a while ago. */
function oldImage(name) {
  const path = join(scratch("changed"), name);
  copyFileSync(demoImage(), path);
  utimesSync(path, 1e9, 1e9);
  return path;
}

const names = (page) =>
  page.evaluate(async () => {
    const names = [];
    for await (const name of (await navigator.storage.getDirectory()).keys()) {
      names.push(name);
    }
    return names;
  });

for (const [what, change] of [
  ["grown", (path) => appendFileSync(path, "more")],
  [
    "overwritten",
    (path) => {
      const file = openSync(path, "r+");
      writeSync(file, "x", 100);
      closeSync(file);
    },
  ],
  ["deleted", (path) => rmSync(path)],
]) {
  test(`a file that was ${what} since it was opened: said, and nothing is kept`, { skip }, async () => {
    const { page, context } = await visit(site, { saving: "file" });
    const path = oldImage("old.img");
    await openFile(page, path);
    change(path);
    await go(page, "Validate");
    await page.click(".invite .primary");
    await page.waitForSelector(".validate .notice.error");
    assert.match(await page.textContent(".validate .notice.error"), /old\.img was changed, moved or deleted since it was opened/);
    await go(page, "Convert");
    await page.check("#target-raw");
    await page.click(".convert-form .primary");
    await page.waitForSelector(".convert .notice.error");
    assert.match(await page.textContent(".convert .notice.error"), /old\.img was changed, moved or deleted since it was opened/);
    assert.deepEqual(await names(page), []);
    await context.close();
  });
}

test("a full disk: said, and nothing is kept", { skip }, async () => {
  const { page, context } = await visit(site, { saving: "file" });
  const session = await context.newCDPSession(page);
  await openFile(page, demoVolume());
  // The page itself is kept, too, to work offline.
  const { usage } = await page.evaluate(() => navigator.serviceWorker.ready.then(() => navigator.storage.estimate()));
  await session.send("Storage.overrideQuotaForOrigin", { origin: site.server.origin, quotaSize: usage + (1 << 20) });
  await go(page, "Convert");
  await page.check("#target-ntfsclone");
  await page.click(".convert-form .primary");
  await page.waitForSelector(".convert .notice.error");
  assert.match(await page.textContent(".convert .notice.error"), /[Cc]annot write demo\.img: .*Is there enough space on the disk\? Nothing was kept\./);
  assert.deepEqual(await names(page), []);
  await context.close();
});
