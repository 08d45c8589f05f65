// A conversion into a file of a browser: several writes are under way, and nothing is left of what failed.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { openAsBlob } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { test } from "node:test";
import { NtfscloneError, open, openDisk } from "../pkg/js/node.js";
import { digest, digestOfFile } from "./support/content.js";
import { demoImage, demoRestored, demoVolume, disk } from "./support/fixtures.js";

/** A file handle as browsers have it: writes take their bytes when it is their turn, and the file changes when it is closed. */
function handle({ fails = () => undefined } = {}) {
  const file = { content: undefined, isAborted: false, mostUnderWay: 0, writes: 0 };
  let bytes = Buffer.alloc(0);
  let last = Promise.resolve();
  let underWay = 0;
  const grow = (size) => {
    const grown = Buffer.alloc(size);
    bytes.copy(grown);
    bytes = grown;
  };
  const writable = {
    write({ type, position, data }) {
      assert.equal(type, "write");
      underWay += 1;
      file.writes += 1;
      file.mostUnderWay = Math.max(file.mostUnderWay, underWay);
      last = last.then(async (t) => {
        await wait(5);
        const failure = fails(position);
        underWay -= 1;
        if (failure) {
          throw failure;
        }
        if (bytes.length < position + data.length) {
          grow(position + data.length);
        }
        bytes.set(data, position);
      });
      return last;
    },
    async truncate(size) {
      grow(size);
    },
    async close() {
      file.content = bytes;
    },
    async abort() {
      file.isAborted = true;
    },
  };
  return Object.assign(file, { name: "result", createWritable: async () => writable });
}

/** Opens it for a test. */
async function opened(t, source, how = open) {
  const image = await how(source);
  t.after(() => image.close());
  return image;
}

const digestOf = (bytes) => ({ length: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") });

for (const [target, source] of [
  ["raw", demoImage],
  ["ntfsclone", demoVolume],
  ["vhdx", demoVolume],
]) {
  test(`${target}: the file is what the stream gives`, async (t) => {
    const image = await opened(t, source());
    const file = handle();
    const { size, holes } = await image.save(target, file);
    assert.deepEqual(digestOf(file.content), await digest(image.convert(target)));
    assert.equal(size, file.content.length);
    assert.ok(holes < size);
    assert.equal(file.isAborted, false);
  });
}

test("writes are under way while the next pieces are made, and pieces are gathered", async (t) => {
  const image = await opened(t, demoVolume());
  const file = handle();
  await image.save("raw", file, { size: 40 << 20 });
  assert.ok(file.mostUnderWay > 1, `${file.mostUnderWay} at a time`);
  assert.ok(file.mostUnderWay < 8, `${file.mostUnderWay} at a time`);
});

test("compressed, with what the stream reports", async (t) => {
  const image = await opened(t, demoVolume());
  const file = handle();
  const sizes = [];
  await image.save("ntfsclone", file, { compress: 1, time: null, onProgress: ({ done, total }) => sizes.push(done / total) });
  assert.deepEqual(digestOf(file.content), await digest(image.convert("ntfsclone", { compress: 1, time: null })));
  assert.equal(sizes.at(-1), 1);
});

test("a whole disk", async (t) => {
  const whole = await opened(t, disk(), openDisk);
  const file = handle();
  await whole.save("raw", file);
  assert.deepEqual(digestOf(file.content), await digest(whole.convert("raw")));
});

test("no room: the error is `write`, and the file stays as it was", async (t) => {
  const image = await opened(t, demoImage());
  const full = new DOMException("no room is left", "QuotaExceededError");
  const file = handle({ fails: (position) => (position > 1 << 20 ? full : undefined) });
  await assert.rejects(image.save("raw", file), (error) => {
    assert.ok(error instanceof NtfscloneError);
    assert.equal(error.code, "write");
    assert.equal(error.cause, full);
    assert.match(error.message, /^cannot write result: no room is left$/);
    return true;
  });
  assert.equal(file.content, undefined);
  assert.ok(file.isAborted);
  // The image is not affected.
  assert.deepEqual(await digest(image.convert("raw")), await digestOfFile(demoRestored()));
});

test("stopped by a signal, and by closing the image: the file stays as it was", async () => {
  const image = await open(demoVolume());
  for (const [stop, expected] of [
    [(controller) => controller.abort(), { name: "AbortError" }],
    [() => image.close(), { code: "closed" }],
  ]) {
    const controller = new AbortController();
    const file = handle({ fails: () => void stop(controller) });
    await assert.rejects(image.save("raw", file, { signal: controller.signal }), expected);
    assert.equal(file.content, undefined);
    assert.ok(file.isAborted);
  }
});

test("what cannot be converted so, or written to at all, is an error, and nothing is left", async (t) => {
  const image = await opened(t, demoImage());
  const file = handle();
  await assert.rejects(image.save("floppy", file), { code: "target" });
  assert.ok(file.isAborted);
  await assert.rejects(image.save("raw", file, { holes: true }), { code: "argument" });
  const denied = { createWritable: () => Promise.reject(new DOMException("not allowed", "NotAllowedError")) };
  await assert.rejects(image.save("raw", denied), { code: "write", message: /not allowed/ });
});

test("a Blob of Node is opened as those of browsers", async (t) => {
  const image = await opened(t, await openAsBlob(demoImage()));
  assert.deepEqual(await digest(image.convert("raw")), await digestOfFile(demoRestored()));
});
