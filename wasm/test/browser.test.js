// In a real browser: on the page and in workers, from files, handles and servers.

import assert from "node:assert/strict";
import { dirname } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { digestOfFile } from "./support/content.js";
import { launch, skip, visit } from "./support/chromium.js";
import { cutImage, demoCompressed, demoImage, demoRestored, demoVolume, ntfsclone, ntfscloneMayFail } from "./support/fixtures.js";
import { serve } from "./support/server.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
let server;
let browser;
let page;
let complaints;

before(async () => {
  if (!skip) {
    server = await serve({ "/pkg/": here("../pkg/"), "/browser/": here("./browser/"), "/fixtures/": dirname(demoImage()) });
    browser = await launch();
    ({ page, complaints } = await visit(browser, server.url("/browser/index.html")));
  }
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const report = (path, name) => ({ ...JSON.parse(ntfscloneMayFail("verify", "--json", path)), source: name });
const info = (path, name) => ({ ...JSON.parse(ntfsclone("info", "--json", path)), source: name });

for (const [name, fixture] of Object.entries({ "demo.img": demoImage, "demo.img.zst": demoCompressed, "demo.ntfs": demoVolume })) {
  test(`a File that was chosen, on the page: ${name}`, { skip }, async () => {
    await page.setInputFiles("input", fixture());
    const told = await page.evaluate(async () => {
      const { open } = await import("/pkg/js/browser.js");
      const image = await open(document.querySelector("input").files[0]);
      const report = await image.validate();
      const raw = await new Response(image.convert("raw")).arrayBuffer();
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", raw));
      await image.close();
      return { info: image.info(), report, length: raw.byteLength, sha256: hash.toHex?.() ?? [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("") };
    });
    const { length, sha256 } = await digestOfFile(demoRestored());
    assert.deepEqual(told, { info: info(fixture(), name), report: report(fixture(), name), length, sha256 });
    assert.deepEqual(complaints, []);
  });
}

test("a File in a worker", { skip }, async () => {
  await page.setInputFiles("input", demoImage());
  const told = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const worker = new Worker("/browser/worker.js", { type: "module" });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => resolve({ error: message });
        worker.postMessage(document.querySelector("input").files[0]);
      }),
  );
  const { length } = await digestOfFile(demoRestored());
  assert.deepEqual(told, { info: info(demoImage(), "demo.img"), report: report(demoImage(), "demo.img"), length });
  assert.deepEqual(complaints, []);
});

test("a FileSystemFileHandle, and a conversion into another", { skip }, async () => {
  const told = await page.evaluate(async () => {
    const { open } = await import("/pkg/js/browser.js");
    const directory = await navigator.storage.getDirectory();
    const handle = await directory.getFileHandle("copy.img", { create: true });
    await (await fetch("/fixtures/demo.img")).body.pipeTo(await handle.createWritable());
    const image = await open(handle);
    const output = await directory.getFileHandle("volume.raw", { create: true });
    await image.convert("raw").pipeTo(await output.createWritable());
    await image.close();
    const volume = await open(output);
    const { size } = await output.getFile();
    return { label: volume.info().volume.label, source: image.info().source, sound: (await volume.validate()).sound, size };
  });
  const { length } = await digestOfFile(demoRestored());
  assert.deepEqual(told, { label: "Demo", source: "copy.img", sound: true, size: length });
});

test("a URL: only parts are fetched", { skip }, async () => {
  const told = await page.evaluate(async () => {
    const { open } = await import("/pkg/js/browser.js");
    const url = new URL("/fixtures/demo.ntfs", location.href);
    const image = await open(url);
    const fetched = performance
      .getEntriesByName(url.href)
      .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0);
    await image.close();
    return { label: image.info().volume.label, fetched };
  });
  assert.equal(told.label, "Demo");
  const { length } = await digestOfFile(demoRestored());
  assert.ok(told.fetched < length / 2, `${told.fetched} bytes were fetched of ${length}`);
});

test("a URL of another origin that shows no Content-Range", { skip }, async () => {
  const other = await serve({ "/": dirname(demoImage()) }, { headers: { "Access-Control-Allow-Origin": "*" } });
  try {
    const label = await page.evaluate(async (address) => {
      const { open } = await import("/pkg/js/browser.js");
      const image = await open(new URL(address));
      await image.close();
      return image.info().volume.label;
    }, other.url("/demo.img").href);
    assert.equal(label, "Demo");
  } finally {
    await other.close();
  }
});

test("damage is reported, errors are thrown, and a string is no source here", { skip }, async () => {
  await page.setInputFiles("input", cutImage());
  const told = await page.evaluate(async () => {
    const { open, NtfscloneError } = await import("/pkg/js/browser.js");
    const image = await open(document.querySelector("input").files[0]);
    const { sound } = await image.validate();
    const converted = await image.convert("raw").pipeTo(new WritableStream()).catch((error) => error);
    const aborted = await image.validate({ signal: AbortSignal.abort() }).catch((error) => error);
    const text = await open("/a/path").catch((error) => error);
    await image.close();
    return {
      sound,
      converted: converted instanceof NtfscloneError,
      aborted: aborted.name,
      text: text instanceof NtfscloneError && text.code,
    };
  });
  assert.deepEqual(told, { sound: false, converted: true, aborted: "AbortError", text: "argument" });
});

test("the page stays alive while a long check runs", { skip }, async () => {
  await page.setInputFiles("input", demoVolume());
  const longest = await page.evaluate(async () => {
    const { open } = await import("/pkg/js/browser.js");
    const image = await open(document.querySelector("input").files[0]);
    let [last, longest, isRunning] = [performance.now(), 0, true];
    const tick = () => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      if (isRunning) {
        setTimeout(tick);
      }
    };
    tick();
    for (let count = 0; count < 10; count += 1) {
      await image.validate();
      await image.convert("ntfsclone").pipeTo(new WritableStream());
    }
    isRunning = false;
    await image.close();
    return longest;
  });
  assert.ok(longest < 200, `${longest} ms without a turn`);
});
