// A real browser, driven from here.

import { chromium } from "playwright";
import { browser } from "./fixtures.js";

/** Why tests in a browser are skipped, if they are. */
export const skip = browser ? false : "no browser: set NTFSCLONE_BROWSER to the path of chromium";

/** As tests start it, whoever drives it. */
export const options = {
  executablePath: browser,
  args: [
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};

export function launch() {
  return chromium.launch(options);
}

/** A browser that keeps what it stores in that folder, not in memory. */
export function launchPersistent(profile, more = {}) {
  return chromium.launchPersistentContext(profile, { ...options, ...more });
}

/** A page of that address. Whatever it complains of is an error of the test. */
export async function visit(browser, url) {
  const page = await browser.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("requestfailed", (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
  await page.goto(String(url));
  return { page, complaints };
}
