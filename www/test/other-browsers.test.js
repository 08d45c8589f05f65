// The main ways through, in Firefox and WebKitGTK: they must not depend on what only Chromium has.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { demoCompressed, demoImage, demoRestored, demoVolume } from "../../wasm/test/support/fixtures.js";
import { contentOf, skipWithoutTools } from "./support/ntfs-tools.js";
import { browsers } from "./support/other-browsers.js";
import { serve } from "./support/server.js";

let server;
before(async () => {
  server = await serve("/some/folder/", fileURLToPath(new URL("../dist/", import.meta.url)));
});
after(() => server.close());

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** A download, when it has as many bytes as it will have. */
async function downloaded(path, length) {
  for (let tries = 0; tries < 600 && statSync(path, { throwIfNoEntry: false })?.size !== length; tries += 1) {
    await sleep(50);
  }
  return readFileSync(path);
}

for (const { name, skip, open } of browsers) {
  for (const [what, fixture, kind] of [
    ["an image", demoImage, "ntfsclone image"],
    ["a compressed image", demoCompressed, "ntfsclone image"],
    ["a volume", demoVolume, "NTFS volume"],
  ]) {
    test(`${name}: ${what} is opened, looked through and validated`, { skip: skip || skipWithoutTools }, async () => {
      const page = await open(server.address);
      try {
        await page.waitFor(() => document.querySelector("#file") !== null);
        await page.setFile("#file", fixture());
        assert.equal(await page.text(".overview .eyebrow"), kind);
        assert.equal(await page.text(".overview h1"), "Demo");

        await page.click(".sections a", "Files");
        await page.click(".rows .entry-link", "Read me.txt");
        await page.text(".file-panel h2");
        await page.click(".file-panel button.link", "Compute");
        const content = sha256(contentOf(demoVolume(), "Read me.txt"));
        await page.waitFor((sum) => document.querySelector(".file-panel")?.textContent.includes(sum), content);

        await page.click(".sections a", "Bytes");
        await page.click(".hex-places button", "$MFT");
        await page.waitFor(() => document.querySelector(".outline-head")?.textContent.startsWith("MFT record 0"));

        await page.click(".sections a", "Validate");
        await page.click(".invite .primary");
        assert.match(await page.text(".verdict-text"), /No errors found|^Sound/);
      } finally {
        await page.close();
      }
    });
  }

  test(`${name}: an image becomes the bytes that the program restores`, { skip }, async () => {
    const page = await open(server.address);
    try {
      await page.evaluate(() => navigator.serviceWorker?.ready.then(() => true));
      await page.setFile("#file", demoImage());
      await page.text(".overview h1");
      await page.click(".sections a", "Convert");
      await page.click("#target-raw");
      await page.click(".convert-form .primary");
      await page.text(".notice.good");
      const expected = readFileSync(demoRestored());
      assert.equal(sha256(await downloaded(join(page.downloads, "demo.ntfs"), expected.length)), sha256(expected));
    } finally {
      await page.close();
    }
  });
}
