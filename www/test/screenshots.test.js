// Every view at two sizes and in both themes: looked at by people, and by axe.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { cutImage, demoImage, demoMetadata, demoVolume, disk } from "../../wasm/test/support/fixtures.js";
import { go, openFile, screenshot, skip, start, visit } from "./support/page.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let site;
before(async () => {
  site = skip ? undefined : await start();
});
after(() => site?.close());

const SIZES = { desktop: { width: 1280, height: 860 }, phone: { width: 390, height: 844 }, small: { width: 320, height: 640 } };

async function look(page, name) {
  // What is drawn with the next frame, and fades in.
  await page.waitForTimeout(250);
  await screenshot(page, name);
  const { violations } = await page.evaluate(`${axe}; axe.run(document, { resultTypes: ["violations"] })`);
  const told = violations.map(({ id, impact, nodes }) => `${id} (${impact}): ${nodes.map(({ html, any }) => `${html} ${any[0]?.message ?? ""}`).join("\n  ")}`);
  assert.deepEqual(told, [], name);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(overflow <= 0, `${name} is ${overflow} pixels too wide`);
}

for (const colorScheme of ["light", "dark"]) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    test(`${colorScheme}, ${size}`, { skip }, async () => {
      const { page, complaints, context } = await visit(site, { colorScheme, viewport });
      const see = (view) => look(page, `${view}-${size}-${colorScheme}`);
      await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
      await see("empty");
      await page.setInputFiles("#file", { name: "letter.txt", mimeType: "text/plain", buffer: Buffer.alloc(10_000, "a letter ") });
      await page.waitForSelector(".notice.error");
      await see("error");

      await openFile(page, demoImage());
      await page.waitForSelector('.map[data-survey="done"]');
      await see("overview");
      await page.focus(".map-surface");
      await page.keyboard.press("+");
      await page.keyboard.press("+");
      await see("zoomed");
      await go(page, "Files");
      await page.waitForSelector(".rows .entry-link");
      await see("files");
      await page.click('.entry-link:has-text("Report.txt")');
      await page.waitForSelector(".preview-text");
      await page.click(".panel-more summary");
      await page.waitForSelector(".panel-more time");
      await see("file");
      await page.click('[aria-label="Close the file"]');
      await page.fill("#search", "letter 0*.txt");
      await page.click(".search-filters summary");
      await page.waitForFunction(() => /files found/.test(document.querySelector(".list-told")?.textContent));
      await see("search");
      await page.fill("#search", "");
      await page.click('.switch label:has-text("Map")');
      await page.waitForSelector(".box");
      await see("treemap");
      await page.click('.switch label:has-text("List")');
      await go(page, "Bytes");
      await page.waitForSelector(".hex .cursor");
      await see("bytes");
      await page.click('.hex-places button:has-text("$MFT")');
      await page.click('.outline button:has-text("$FILE_NAME")');
      await see("structure");
      await go(page, "Convert");
      await see("convert");
      await page.click(".convert-options summary");
      await see("disk-options");
      await page.check("#target-metadata");
      await page.check("#compress");
      await page.waitForSelector(".anonymise ul");
      await see("anonymise");
      await page.check("#target-ntfsclone");
      await page.selectOption("#level", "12");
      await Promise.all([page.waitForSelector(".meter"), page.click(".convert-form .primary")]);
      await see("converting");
      await page.waitForSelector(".notice.good");
      await see("converted");
      await go(page, "Validate");
      await see("validate");
      await page.click(".invite .primary");
      await page.waitForSelector(".verdict.sound");
      await see("sound");

      await page.click('[aria-label="Close"]');
      await openFile(page, demoMetadata());
      await page.waitForSelector('.map[data-survey="done"]');
      await see("metadata");
      await page.click('[aria-label="Close"]');
      await openFile(page, cutImage());
      await page.waitForSelector('.map[data-survey="done"]');
      await see("cut");
      await go(page, "Files");
      await page.click('button:has-text("Save all as zip")');
      await page.waitForSelector(".takeout .notice.error");
      await see("unreadable");
      await go(page, "Validate");
      await page.click(".invite .primary");
      await page.waitForSelector(".verdict.unsound");
      await see("unsound");
      await page.click('[aria-label="Close"]');
      await page.setInputFiles("#file", disk());
      await page.click(".list-partitions");
      await page.waitForSelector(".choice");
      await see("partitions");
      await page.click('button:text-is("Back")');
      await page.setInputFiles("#file", [demoImage(), demoVolume()]);
      await page.waitForSelector(".choice");
      await see("chooser");
      assert.deepEqual(complaints, []);
      await context.close();
    });
  }
}
