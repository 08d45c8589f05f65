// Whatever is stopped ends at once, and holds nothing any longer.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { open } from "../pkg/js/node.js";
import bind from "../pkg/js/ntfsclone.js";
import { digest, digestOfFile } from "./support/content.js";
import { cutImage, demoImage, demoRestored } from "./support/fixtures.js";

const bytes = readFileSync(demoImage());
const read = (offset, length) => bytes.subarray(offset, offset + length);

/** A source whose reads, once it is blocked, never end, whatever is signalled. */
function blocking() {
  const source = {
    size: bytes.length,
    isBlocked: false,
    blocked: undefined,
    signal: undefined,
    read(offset, length, signal) {
      source.signal = signal;
      if (!source.isBlocked) {
        return Promise.resolve(read(offset, length));
      }
      source.reached();
      return new Promise(() => {});
    },
  };
  source.blocked = new Promise((resolve) => (source.reached = resolve));
  return source;
}

test("open: stopped in the middle of a read", async () => {
  const source = blocking();
  source.isBlocked = true;
  const controller = new AbortController();
  const opening = open(source, { signal: controller.signal });
  await source.blocked;
  controller.abort();
  await assert.rejects(opening, { name: "AbortError" });
  assert.ok(source.signal.aborted, "the source is told, too");
});

test("open: stopped before it begins", async () => {
  const reason = new Error("changed my mind");
  await assert.rejects(open(bytes, { signal: AbortSignal.abort(reason) }), reason);
});

for (const [name, start] of Object.entries({
  validate: (image, options) => image.validate(options),
  extents: (image, options) => image.extents(options),
  convert: (image, options) => digest(image.convert("raw", options)),
})) {
  test(`${name}: stopped in the middle of a read, and the image goes on`, async () => {
    const source = blocking();
    const image = await open(source);
    // So that something is left to be read.
    source.isBlocked = true;
    const controller = new AbortController();
    const running = start(image, { signal: controller.signal });
    const first = await Promise.race([source.blocked.then(() => "blocked"), running.then(() => "done")]);
    if (first === "done") {
      assert.equal(name, "extents", "all that extents needs may have been read when the image was opened");
    } else {
      controller.abort();
      await assert.rejects(running, { name: "AbortError" });
    }
    source.isBlocked = false;
    assert.equal((await image.validate()).sound, true);
    await image.close();
  });
}

test("close stops what is under way", async () => {
  const source = blocking();
  const image = await open(source);
  source.isBlocked = true;
  const validation = image.validate();
  const conversion = image.convert("raw").getReader();
  const pulled = conversion.read();
  await source.blocked;
  await image.close();
  await assert.rejects(validation, { code: "closed" });
  await assert.rejects(pulled, { code: "closed" });
  await assert.rejects(image.validate(), { code: "closed" });
  await assert.rejects(image.extents(), { code: "closed" });
  assert.throws(() => image.convert("raw"), { code: "closed" });
  assert.equal(image.info().volume.label, "Demo", "what is known stays known");
  await image.close();
});

test("a cancelled stream frees its task, and others go on", async () => {
  const image = await open(bytes);
  const reader = image.convert("raw").getReader();
  await reader.read();
  await reader.cancel("enough");
  const piped = image.convert("ntfsclone");
  for await (const _ of piped) {
    break;
  }
  assert.deepEqual(await digest(image.convert("raw")), await digestOfFile(demoRestored()));
  await image.close();
});

test("a stream is not read ahead of its reader", async () => {
  let reads = 0;
  const image = await open({
    size: bytes.length,
    read(offset, length) {
      reads += 1;
      return read(offset, length);
    },
  });
  const before = reads;
  const stream = image.convert("raw");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(reads, before);
  await stream.cancel();
  await image.close();
});

test("tasks of one image run side by side", async () => {
  const source = { size: bytes.length, read: async (...where) => read(...where) };
  const image = await open(source);
  const idle = image.convert("raw").getReader();
  await idle.read();
  const expected = await digestOfFile(demoRestored());
  const [report, extents, ...digests] = await Promise.all([
    image.validate(),
    image.extents(),
    digest(image.convert("raw")),
    digest(image.convert("raw")),
  ]);
  assert.equal(report.sound, true);
  assert.ok(extents.length > 0);
  assert.deepEqual(digests, [expected, expected]);
  await image.close();
});

test("progress is told at the start, at the end and not too often", async () => {
  const source = { size: bytes.length, read: async (...where) => read(...where) };
  const image = await open(source);
  const told = [];
  await image.validate({ onProgress: (progress) => told.push(progress) });
  assert.ok(told.length >= 1 && told.length <= 20, `${told.length} times`);
  const last = told.at(-1);
  assert.ok(last.total > 0 && last.done === last.total, JSON.stringify(last));
  for (const { done, total } of told) {
    assert.ok(done >= 0 && done <= total, `${done} of ${total}`);
  }
  await image.close();
});

test("a conversion tells how far it is", async () => {
  const image = await open(bytes);
  const told = [];
  const onProgress = (progress) => told.push(progress);
  let pieces = 0;
  for await (const _ of image.convert("raw", { holes: true, onProgress })) {
    pieces += 1;
    if (pieces < 5) {
      // Longer than between two reports.
      await new Promise((resolve) => setTimeout(resolve, 110));
    }
  }
  await image.close();
  assert.ok(told.length >= 5, `${told.length} times`);
  assert.ok(told.every(({ done, total }, at) => done <= total && done >= (told[at - 1]?.done ?? 0)));
  assert.ok(told[0].done < told[0].total);
  assert.equal(told.at(-1).done, told.at(-1).total);
});

test("an error thrown by onProgress ends the task with it", async () => {
  const image = await open(bytes);
  const error = new Error("no more room on the screen");
  const onProgress = () => {
    throw error;
  };
  await assert.rejects(image.validate({ onProgress }), error);
  assert.equal((await image.validate()).sound, true);
  await image.close();
});

test("the event loop has its turn while a source that answers at once is read", async () => {
  const image = await open(bytes);
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 1);
  const from = performance.now();
  while (performance.now() - from < 300) {
    await image.validate();
  }
  clearInterval(timer);
  assert.ok(turns >= 5, `${turns} turns in 300 ms`);
  await image.close();
});

test("hundreds of images, opened, stopped and closed, leave nothing in the module's memory", async () => {
  const { memory } = await bind();
  const cut = readFileSync(cutImage());
  const round = async () => {
    const image = await open(bytes);
    const controller = new AbortController();
    const reader = image.convert("raw", { signal: controller.signal }).getReader();
    await reader.read();
    controller.abort();
    await assert.rejects(reader.read());
    await (await open(cut)).close();
    await assert.rejects(open(bytes.subarray(0, 40)));
    const stream = image.convert("raw");
    await stream.getReader().read();
    await image.close();
  };
  for (let count = 0; count < 50; count += 1) {
    await round();
  }
  const before = memory.buffer.byteLength;
  for (let count = 0; count < 250; count += 1) {
    await round();
  }
  assert.equal(memory.buffer.byteLength, before);
});

test("a stream fails as soon as it is stopped, also if nobody reads it then", async () => {
  const image = await open(demoImage());
  for (const begin of [(options) => image.convert("raw", options), (options) => image.readable("/Report.txt", options)]) {
    const controller = new AbortController();
    const reader = begin({ signal: controller.signal }).getReader();
    await reader.read();
    controller.abort(new Error("enough"));
    await assert.rejects(reader.closed, { message: "enough" });
  }
  const reader = image.convert("raw").getReader();
  await reader.read();
  await image.close();
  await assert.rejects(reader.closed, { code: "closed" });
});

test("a stream is read into memory of the reader's", async () => {
  const image = await open(demoImage());
  const expected = await image.readFile("/Report.txt");
  const reader = image.readable("/Report.txt").getReader({ mode: "byob" });
  const pieces = [];
  for (let read; !(read = await reader.read(new Uint8Array(40_000))).done; ) {
    pieces.push(Buffer.from(read.value));
  }
  assert.ok(Buffer.concat(pieces).equals(expected));
  await image.close();
});

test("a platform without MessageChannel and setImmediate has its turns, too", async () => {
  const { MessageChannel, setImmediate } = globalThis;
  delete globalThis.MessageChannel;
  delete globalThis.setImmediate;
  try {
    const image = await open(demoImage());
    assert.equal((await image.validate()).sound, true);
    await image.close();
  } finally {
    Object.assign(globalThis, { MessageChannel, setImmediate });
  }
});
