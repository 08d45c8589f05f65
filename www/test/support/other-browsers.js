// Firefox and WebKitGTK as Debian has them: neither is driven by what drives Chromium. A page of theirs is told what to do by
// scripts in it, and files are given to it as a visitor would.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import puppeteer from "puppeteer-core";

const FIREFOX = "/usr/bin/firefox-esr";
const WEBKIT_DRIVER = "/usr/bin/WebKitWebDriver";

/** As WebDriver names an element. */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/** Browsers, and why their tests are skipped, if they are. */
export const browsers = [
  { name: "Firefox", skip: existsSync(FIREFOX) ? false : "no firefox-esr", open: openFirefox },
  { name: "WebKitGTK", skip: existsSync(WEBKIT_DRIVER) && existsSync("/usr/bin/Xvfb") ? false : "no webkit2gtk-driver or no xvfb", open: openWebKit },
];

/** What the tests do with a page, in whatever browser. */
class Page {
  /** `evaluate` runs a function in the page, and waits for its promise. `setFile` gives a file to an input. */
  constructor({ evaluate, setFile, downloads, close }) {
    Object.assign(this, { evaluate, setFile, downloads, close });
  }

  /** Waits until the function in the page gives something that is true, and returns it. */
  async waitFor(condition, ...args) {
    for (let tries = 0; tries < 600; tries += 1) {
      const found = await this.evaluate(condition, ...args);
      if (found) {
        return found;
      }
      await sleep(50);
    }
    throw new Error(`not in time: ${condition} ${args.join(" ")}`);
  }

  /** The text of the first element that is there. */
  text(selector) {
    return this.waitFor((selector) => document.querySelector(selector)?.textContent, selector);
  }

  /** Clicks on the first element that has such a text. */
  click(selector, text = "") {
    return this.waitFor(
      (selector, text) => {
        const element = [...document.querySelectorAll(selector)].find(({ textContent }) => textContent.includes(text));
        element?.click();
        return Boolean(element);
      },
      selector,
      text,
    );
  }
}

async function openFirefox(address) {
  const downloads = mkdtempSync(join(tmpdir(), "ntfsclone-firefox-"));
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: FIREFOX,
    headless: true,
    extraPrefsFirefox: { "browser.download.folderList": 2, "browser.download.dir": downloads },
  });
  const page = await browser.newPage();
  await page.goto(address);
  return new Page({
    evaluate: (condition, ...args) => page.evaluate(condition, ...args),
    async setFile(selector, path) {
      await (await page.$(selector)).uploadFile(path);
    },
    downloads,
    async close() {
      await browser.close();
      rmSync(downloads, { recursive: true });
    },
  });
}

/** A port that nobody listens on. */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function openWebKit(address) {
  const port = await freePort();
  // It has no mode without a display.
  const display = spawn("Xvfb", ["-displayfd", "1", "-screen", "0", "1280x1024x24"], { stdio: ["ignore", "pipe", "ignore"] });
  const [number] = await new Promise((resolve) => display.stdout.once("data", (data) => resolve(String(data).trim().split("\n"))));
  const downloads = mkdtempSync(join(tmpdir(), "ntfsclone-webkit-"));
  mkdirSync(join(downloads, ".config"));
  writeFileSync(join(downloads, ".config/user-dirs.dirs"), 'XDG_DOWNLOAD_DIR="$HOME/"\n');
  const driver = spawn(WEBKIT_DRIVER, [`--port=${port}`], {
    env: { ...process.env, HOME: downloads, XDG_CONFIG_HOME: join(downloads, ".config"), DISPLAY: `:${number}`, GDK_BACKEND: "x11", WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1", LIBGL_ALWAYS_SOFTWARE: "1" },
    stdio: "ignore",
  });
  const send = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: body && JSON.stringify(body) });
    const { value } = await response.json();
    if (!response.ok) {
      throw new Error(`${value.error}: ${value.message}`);
    }
    return value;
  };
  const startSession = async () => {
    for (let tries = 0; ; tries += 1) {
      try {
        return await send("POST", "/session", { capabilities: {} });
      } catch (error) {
        if (tries === 100 || error.cause?.code !== "ECONNREFUSED") {
          throw error;
        }
        await sleep(50);
      }
    }
  };
  const { sessionId } = await startSession();
  const session = `/session/${sessionId}`;
  await send("POST", `${session}/timeouts`, { script: 60_000, pageLoad: 60_000 });
  await send("POST", `${session}/url`, { url: address });
  return new Page({
    evaluate(condition, ...args) {
      const script = `const done = arguments[arguments.length - 1];
        Promise.resolve((${condition})(...[...arguments].slice(0, -1))).then(done, (error) => done({ error: String(error) }));`;
      return send("POST", `${session}/execute/async`, { script, args });
    },
    async setFile(selector, path) {
      const element = await send("POST", `${session}/element`, { using: "css selector", value: selector });
      await send("POST", `${session}/element/${element[ELEMENT]}/value`, { text: path });
    },
    downloads,
    async close() {
      await send("DELETE", session);
      driver.kill();
      display.kill();
      rmSync(downloads, { recursive: true });
    },
  });
}
