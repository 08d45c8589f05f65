// What the page promises of itself: small, offline, installable, and nothing leaves it.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { demoVolume } from "../../wasm/test/support/fixtures.js";
import { go, openFile, skip, start, visit } from "./support/page.js";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const KIB = 1024;

let site;
before(async () => {
  site = skip ? undefined : await start();
});
after(() => site?.close());

test("the first view is below 72 KiB, compressed, without the WebAssembly module, and all of the page below 120 KiB", () => {
  const all = ["index.html", "service-worker.js", "icon.svg", ...readdirSync(`${dist}assets`).map((name) => `assets/${name}`)].filter((name) => !name.endsWith(".wasm"));
  const sizeOf = (names) => names.reduce((sum, name) => sum + gzipSync(readFileSync(dist + name)).length, 0);
  // The views, and what few need, are loaded after it.
  const first = all.filter((name) => !name.startsWith("assets/") || /^assets\/(index|worker)-/.test(name));
  assert.ok(first.length >= 6, first.join());
  assert.ok(sizeOf(first) < 72 * KIB, `${sizeOf(first)} bytes`);
  assert.ok(sizeOf(all) < 120 * KIB, `${sizeOf(all)} bytes`);
});

test("after the first visit it works without the network", { skip }, async () => {
  const own = await start();
  const { page, complaints, context } = await visit(own);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await context.setOffline(true);
  await own.server.close();
  await page.reload();
  await page.waitForSelector(".drop h1");
  await page.click("text=Try a sample volume");
  await page.waitForSelector(".overview h1");
  await page.click('[aria-label="Close"]');
  await openFile(page, demoVolume());
  await go(page, "Validate");
  await page.click(".invite .primary");
  await page.waitForSelector(".verdict.sound");
  await go(page, "Convert");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(".convert-form .primary")]);
  assert.equal(await download.failure(), null);
  assert.deepEqual(complaints, []);
  await own.browser.close();
});

test("it can be installed", { skip }, async () => {
  const { page, context } = await visit(site);
  const session = await context.newCDPSession(page);
  const { errors } = await session.send("Page.getAppManifest");
  assert.deepEqual(errors, []);
  const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
  // The tests' profiles are those of private windows.
  assert.deepEqual(installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito"), []);
  await context.close();
});

test("nothing can be sent elsewhere: not by the page, and not by its worker", { skip }, async () => {
  const { page, context } = await visit(site);
  const tries = () =>
    Promise.all(
      [() => fetch("https://example.org/"), () => new Promise((resolve, reject) => Object.assign(new WebSocket("wss://example.org/"), { onopen: resolve, onerror: reject }))].map(
        async (send) => {
          try {
            await send();
            return "sent";
          } catch {
            return "refused";
          }
        },
      ),
    );
  const violated = page.evaluate(
    () => new Promise((resolve) => addEventListener("securitypolicyviolation", ({ effectiveDirective }) => resolve(effectiveDirective))),
  );
  assert.deepEqual(await page.evaluate(tries), ["refused", "refused"]);
  assert.equal(await violated, "connect-src");
  const [worker] = page.workers();
  const violatedThere = worker.evaluate(
    () => new Promise((resolve) => addEventListener("securitypolicyviolation", ({ effectiveDirective }) => resolve(effectiveDirective))),
  );
  assert.deepEqual(await worker.evaluate(tries), ["refused", "refused"]);
  assert.equal(await violatedThere, "connect-src");
  await context.close();
});

test("what is asked of the server is the page, and nothing is sent to it", { skip }, async () => {
  const own = await start();
  const sent = [];
  const { page, context } = await visit(own);
  context.on("request", (request) => sent.push(`${request.method()} ${new URL(request.url()).pathname}`));
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  const before = own.server.requests.length;
  await openFile(page, demoVolume());
  await go(page, "Validate");
  await page.click(".invite .primary");
  await page.waitForSelector(".verdict.sound");
  assert.deepEqual(sent.filter((request) => !request.startsWith("GET ")), []);
  assert.deepEqual(own.server.requests.slice(before), []);
  await own.close();
});
