// What is closed by whom: by `using`, or when nobody has it any longer.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { open } from "../pkg/js/node.js";
import { demoCompressed, demoImage } from "./support/fixtures.js";

const entry = new URL("../pkg/js/node.js", import.meta.url).href;
const bindings = new URL("../pkg/js/ntfsclone.js", import.meta.url).href;

/** Runs a script that can collect garbage, and count open files and the module's memory; it must not say anything. */
function run(script) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--expose-gc", "--input-type=module", "--eval", `
      import assert from "node:assert/strict";
      import { readdirSync, readlinkSync } from "node:fs";
      import { setMaxListeners } from "node:events";
      import { setTimeout as sleep } from "node:timers/promises";
      import { open } from ${JSON.stringify(entry)};
      import bind from ${JSON.stringify(bindings)};
      const path = ${JSON.stringify(demoImage())}, compressed = ${JSON.stringify(demoCompressed())};
      const openFiles = () => readdirSync("/proc/self/fd").filter((file) => {
        try { return /demo/.test(readlinkSync("/proc/self/fd/" + file)); } catch { return false; }
      }).length;
      const collected = async (isDone) => {
        for (let round = 0; round < 50 && !isDone(); round += 1) { gc(); await sleep(10); }
      };
      const memory = async () => (await bind()).memory.buffer.byteLength;
      ${script}`],
    { encoding: "utf8", timeout: 120_000 },
  );
  assert.equal(stderr, "");
  assert.equal(status, 0, stdout);
}

test("using closes, and closing twice does no harm", async () => {
  const image = await open(demoImage());
  image[Symbol.dispose]();
  await assert.rejects(image.validate(), { code: "closed" });
  await image.close();
  await image[Symbol.asyncDispose]();
});

test("an image that nobody has any longer is closed", () => {
  run(`
    const controller = new AbortController();
    async function use() {
      const image = await open(path, { signal: controller.signal });
      await image.stat("/Report.txt", { signal: controller.signal });
      await image.extents({ signal: controller.signal });
      for await (const _ of image.walk("/", { signal: controller.signal })) break;
    }
    for (let k = 0; k < 20; k += 1) await use();
    await collected(() => openFiles() === 0);
    assert.equal(openFiles(), 0);
  `);
});

test("the memory of images and streams that nobody has any longer is used again", () => {
  run(`
    const { signal } = new AbortController();
    setMaxListeners(0, signal);
    const image = await open(path);
    const drop = async () => {
      const reader = image.convert("ntfsclone", { compress: 1, signal }).getReader();
      await reader.read();
    };
    for (let k = 0; k < 20; k += 1) await drop();
    for (let k = 0; k < 5; k += 1) { gc(); await sleep(10); }
    const before = await memory();
    for (let k = 0; k < 200; k += 1) {
      await drop();
      if (k % 10 === 0) { gc(); await sleep(5); }
    }
    assert.ok(await memory() <= 2 * before, (await memory()) + " of " + before);
    await image.close();
  `);
});

test("a stream keeps what it reads, though nobody has the image any longer", () => {
  run(`
    const begin = async () => (await open(path)).convert("raw").getReader();
    const reader = await begin();
    let length = 0;
    for (let piece; !(piece = await reader.read()).done; ) {
      length += piece.value.length;
      gc();
    }
    assert.ok(length > 40 << 20, String(length));
    await collected(() => openFiles() === 0);
    assert.equal(openFiles(), 0);
  `);
});

test("what is under way is finished, though nobody has the image any longer", () => {
  run(`
    const controller = new AbortController();
    const begin = async () => (await open(compressed)).validate({ signal: controller.signal });
    const work = begin();
    const timer = setInterval(gc, 1);
    assert.equal((await work).sound, true);
    clearInterval(timer);
  `);
});

test("a signal that is aborted after all was dropped does nothing", () => {
  run(`
    const controller = new AbortController();
    const drop = async () => {
      const image = await open(path);
      await image.convert("raw", { signal: controller.signal }).getReader().read();
    };
    await drop();
    await collected(() => openFiles() === 0);
    controller.abort();
    assert.equal(openFiles(), 0);
  `);
});
