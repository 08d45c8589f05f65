// The page in a real browser, served from a subfolder, and what it complains of.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { launch } from "../../../wasm/test/support/chromium.js";
import { serve } from "./server.js";

export { skip } from "../../../wasm/test/support/chromium.js";

const dist = fileURLToPath(new URL("../../dist/", import.meta.url));
const screenshots =
  process.env.NTFSCLONE_SCREENSHOTS ?? fileURLToPath(new URL("../../../target/page/screenshots/", import.meta.url));

/** A server and a browser, for all tests of a file. */
export async function start() {
  const server = await serve("/some/folder/", dist);
  const browser = await launch();
  return {
    server,
    browser,
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

/**
 * A page of a new profile. `complaints` are errors, violations of the policy, and requests elsewhere; `longest` tells how
 * many milliseconds the longest task of its main thread took since `startsWorking`, less what other programs on the machine
 * took of it: as long as this program had to wait, which has nothing to do.
 */
export async function visit({ browser, server }, { hash = "", saving = "download", ...options } = {}) {
  const context = await browser.newContext({ acceptDownloads: true, ...options });
  const complaints = [];
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  context.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== "blob:" && protocol !== "data:" && origin !== server.origin) {
      complaints.push(`a request to ${request.url()}`);
    }
  });
  await page.addInitScript((saving) => {
    window.longest = 0;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        window.longest = Math.max(window.longest, duration);
      }
    }).observe({ type: "longtask", buffered: true });
    // What the visitor would choose cannot be chosen from here.
    window.showOpenFilePicker = undefined;
    if (saving === "download") {
      delete window.showSaveFilePicker;
    } else {
      window.showSaveFilePicker = async ({ suggestedName }) => {
        const directory = await navigator.storage.getDirectory();
        return directory.getFileHandle(suggestedName, { create: true });
      };
    }
  }, saving);
  const waiting = monitorEventLoopDelay({ resolution: 5 });
  await page.goto(server.address + hash);
  await page.waitForSelector("#app main > *");
  return {
    page,
    context,
    complaints,
    async startsWorking() {
      await page.evaluate(() => (window.longest = 0));
      waiting.reset();
      waiting.enable();
    },
    async longest() {
      waiting.disable();
      return (await page.evaluate(() => window.longest)) - waiting.max / 1e6;
    },
  };
}

/** Opens it, and waits for what it is. */
export async function openFile(page, path) {
  await page.setInputFiles("#file", path);
  await page.waitForSelector(".overview h1");
}

/** Goes to a section. */
export async function go(page, section) {
  await page.click(`.sections a:has-text("${section}")`);
  await page.waitForSelector(`.sections a[aria-current]:has-text("${section}")`);
}

export async function screenshot(page, name) {
  mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
}
