// Every kind of source gives the same volume.

import assert from "node:assert/strict";
import { appendFileSync, copyFileSync, mkdtempSync, openAsBlob, readFileSync, rmSync, utimesSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { init, NtfscloneError, open } from "../pkg/js/node.js";
import { Source } from "../pkg/js/ntfsclone.js";
import { digest, digestOfFile } from "./support/content.js";
import { demoCompressed, demoImage, demoRestored, demoVolume, scratch } from "./support/fixtures.js";
import { serve } from "./support/server.js";

const path = demoImage();
const bytes = readFileSync(path);
let expected;
let server;

before(async () => {
  expected = await digestOfFile(demoRestored());
  for (const fixture of [demoCompressed, demoVolume]) {
    fixture();
  }
  server = await serve({ "/": dirname(path) });
});
after(() => server.close());

const read = (offset, length) => bytes.subarray(offset, offset + length);

const kinds = {
  Uint8Array: () => new Uint8Array(bytes),
  Buffer: () => bytes,
  ArrayBuffer: () => new Uint8Array(bytes).buffer,
  Blob: () => new Blob([bytes]),
  "Blob of a file": () => openAsBlob(path),
  FileSystemFileHandle: () => ({ kind: "file", getFile: async () => new File([bytes], "demo.img") }),
  path: () => path,
  "file URL": () => pathToFileURL(path),
  "http URL": () => server.url("/demo.img"),
  "read that answers at once": () => ({ size: bytes.length, read }),
  "read that answers later": () => ({ size: bytes.length, read: async (...where) => read(...where) }),
  "read of ArrayBuffers, size as bigint": () => ({
    size: BigInt(bytes.length),
    read: async (...where) => new Uint8Array(read(...where)).buffer,
  }),
};

for (const [kind, source] of Object.entries(kinds)) {
  test(`source: ${kind}`, async () => {
    await using_(await open(await source()), async (image) => {
      assert.equal(image.info().volume.label, "Demo");
      assert.equal(image.info().size, bytes.length);
      assert.deepEqual(await digest(image.convert("raw")), expected);
    });
  });
}

test("source: FileHandle, which stays open", async () => {
  const handle = await openFile(path);
  await using_(await open(handle), async (image) => {
    assert.deepEqual(await digest(image.convert("raw")), expected);
  });
  assert.equal((await handle.stat()).size, bytes.length);
  await handle.close();
});

test("files are read at once, if that is asked for", async () => {
  const handle = await openFile(path);
  for (const source of [path, pathToFileURL(path), handle]) {
    await using_(await open(source, { sync: true }), async (image) => {
      assert.equal(image.info().size, bytes.length);
      assert.deepEqual(await digest(image.convert("raw")), expected);
    });
  }
  await handle.close();

  // Neither a file that becomes shorter nor one that is closed is a defect of the library.
  const folder = mkdtempSync(join(tmpdir(), "ntfsclone-test-"));
  const copy = join(folder, "copy");
  copyFileSync(path, copy);
  const shortened = await openFile(copy, "r+");
  const image = await open(shortened, { sync: true });
  await shortened.truncate(4096);
  await assert.rejects(image.validate(), { code: "read", message: /came instead of/ });
  await shortened.close();
  await assert.rejects(image.validate(), { code: "read", message: /cannot read/ });
  await image.close();
  rmSync(folder, { recursive: true });
  await (await open(path)).close();
});

test("a path is closed with the image", async () => {
  const { readdirSync, readlinkSync } = await import("node:fs");
  const isOpen = () =>
    readdirSync("/proc/self/fd").some((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === path;
      } catch {
        return false;
      }
    });
  const image = await open(path);
  assert.ok(isOpen());
  await image.close();
  assert.ok(!isOpen());
});

test("names: what was given, else the file's, the path or the address", async () => {
  const name = async (source, options) => using_(await open(source, options), async (image) => image.info().source);
  assert.equal(await name(path), path);
  assert.equal(await name(new File([bytes], "a.img")), "a.img");
  assert.equal(await name(server.url("/demo.img")), `${server.origin}/demo.img`);
  assert.equal(await name(bytes, { name: "mine" }), "mine");
});

test("reads are large, within the source, and few", async () => {
  const reads = [];
  const source = {
    size: bytes.length,
    read(offset, length) {
      assert.ok(offset >= 0 && length > 0 && length <= 4 << 20 && offset + length <= bytes.length);
      reads.push(length);
      return read(offset, length);
    },
  };
  await using_(await open(source), async (image) => {
    await digest(image.convert("raw"));
  });
  const total = reads.reduce((sum, length) => sum + length, 0);
  assert.ok(total <= 3 * bytes.length, `${total} bytes were read of ${bytes.length}`);
  assert.ok(reads.length <= 100, `${reads.length} reads`);
});

test("of a server, few parts are asked for, and as much as is needed", async () => {
  const requests = [];
  const counting = await serve({ "/": dirname(path) }, { onRequest: ({ headers }) => requests.push(headers.range) });
  try {
    for (const [name, most] of [["demo.img", 5], ["demo.img.zst", 1], ["demo.ntfs", 3]]) {
      requests.length = 0;
      await using_(await open(counting.url(`/${name}`)), async (image) => {
        assert.ok(requests.length <= most, `${name}: ${requests}`);
        assert.equal((await image.validate()).sound, true);
        assert.deepEqual(await digest(image.convert("raw")), expected);
      });
      assert.deepEqual(requests.filter((range) => !/^bytes=\d+-\d+$/.test(range)), []);
    }
  } finally {
    await counting.close();
  }
});

test("a read that fails is no part of what is kept", async () => {
  let fails = false;
  const failing = await serve({ "/": dirname(path) }, { onRequest: ({ socket }) => fails && socket.destroy() });
  try {
    await using_(await open(failing.url("/demo.ntfs")), async (image) => {
      fails = true;
      await assert.rejects(image.validate(), { code: "read" });
      fails = false;
      assert.equal((await image.validate()).sound, true);
    });
  } finally {
    await failing.close();
  }
});

test("a server that sends no ranges is named", async () => {
  const whole = await serve({ "/": dirname(path) }, { ranges: false });
  try {
    await assert.rejects(open(whole.url("/demo.img")), { name: "NtfscloneError", code: "no-ranges", message: /demo\.img/ });
    await assert.rejects(open(whole.url("/nothing.img")), { code: "read", message: /404/ });
  } finally {
    await whole.close();
  }
});

test("a server that is not there is named", async () => {
  const gone = await serve({});
  await gone.close();
  await assert.rejects(open(gone.url("/a.img")), (error) => error.code === "read" && error.cause instanceof TypeError);
});

test("a file that changes on the server is told", async () => {
  const headers = { ETag: '"1"' };
  const changing = await serve({ "/": dirname(path) }, { headers });
  try {
    const image = await open(changing.url("/demo.img"));
    headers.ETag = '"2"';
    await assert.rejects(digest(image.convert("raw")), { code: "changed" });
    await image.close();
  } finally {
    await changing.close();
  }
});

test("what is no source is refused", async () => {
  for (const source of [42, null, {}, { size: 5 }, { size: -1, read }, { size: 2 ** 53, read }, { size: 1.5, read }]) {
    await assert.rejects(open(source), { code: "argument" });
  }
  await assert.rejects(open("/no/such/file"), (error) => error.code === "read" && error.cause.code === "ENOENT");
  await assert.rejects(open(dirname(path)), { code: "argument", message: /no regular file/ });
});

/** `await using`, which Node 20 cannot read yet. */
async function using_(image, work) {
  try {
    return await work(image);
  } finally {
    await image[Symbol.asyncDispose]();
  }
}

/** What a source may report that it read, of `length` bytes. */
const WRONG_COUNTS = {
  more: (length) => length + 1,
  "much more": () => 2 ** 53,
  negative: () => -1,
  NaN: () => NaN,
  "a fraction": (length) => length - 0.5,
  infinite: () => Infinity,
  nothing: () => undefined,
  "a text": (length) => `${length}`,
};

for (const [name, count] of Object.entries(WRONG_COUNTS)) {
  test(`a count that is wrong is an error: ${name}`, { timeout: 20_000 }, async () => {
    await init();
    // The module itself.
    const source = new Source(1n << 20n);
    assert.throws(
      () => source.fill(0n, 65536, (memory) => count(memory.length)),
      (error) => error.code === "read",
    );
    source.free();
    // A file handle.
    const handle = {
      fd: 99,
      stat: async () => ({ size: bytes.length, isFile: () => true }),
      read: async (buffer, offset, length) => ({ bytesRead: count(length) }),
    };
    await assert.rejects(open(handle), (error) => error instanceof NtfscloneError && error.code === "read");
    // An answer whose length is not that of its bytes.
    const lying = {
      size: bytes.length,
      read: (offset, length) => Object.defineProperty(bytes.slice(offset, offset + length / 2), "length", { get: () => count(length) }),
    };
    await assert.rejects(open(lying), (error) => error instanceof NtfscloneError && error.code === "read");
    const image = await open(bytes);
    assert.deepEqual(await digest(image.convert("raw")), expected);
    await image.close();
  });
}

test("sizes that no source can have are refused, of every kind", async () => {
  await init();
  const slice = (start, end) => new Blob([bytes.subarray(start, end)]);
  const reading = async (buffer, offset, length, position) => ({ bytesRead: bytes.copy(buffer, offset, position, position + length) });
  const image = await open(bytes);
  for (const size of [-1, 1.5, NaN, Infinity, 2 ** 53, undefined]) {
    const handle = { fd: 99, stat: async () => ({ size, isFile: () => true }), read: reading };
    for (const source of [{ size, slice }, handle, { getFile: async () => ({ size, slice }) }, { size, read }]) {
      await assert.rejects(open(source), { code: "argument", message: /cannot have/ }, `${size}`);
    }
  }
  for (const size of [-1n, 2n ** 53n, 2n ** 64n - 1n]) {
    assert.throws(() => new Source(size), { code: "limit" });
  }
  // Nothing crashed: what was open still is.
  assert.deepEqual(await digest(image.convert("raw")), expected);
  await image.close();
});

test("a request that is too long is an error", async () => {
  await init();
  const source = new Source(1n << 40n);
  for (const length of [2 ** 31, -1, 5 << 20]) {
    assert.throws(() => source.fill(0n, length, (memory) => memory.length), (error) => error.code === "memory");
  }
  source.free();
});

test("a source may give less than was asked for, as files and sockets do", async () => {
  const bytes = readFileSync(demoImage());
  const part = (offset, length) => bytes.subarray(offset, offset + Math.ceil(length / 3));
  for (const read of [part, async (offset, length) => part(offset, length), (offset, length) => new Uint8Array(part(offset, length)).buffer]) {
    const image = await open({ size: bytes.length, read });
    assert.deepEqual(await digest(image.convert("raw")), await digestOfFile(demoRestored()));
    await image.close();
  }
});

test("a file that another program writes to is told at the end of what reads it", async () => {
  const path = join(scratch("changed"), "changed.img");
  copyFileSync(demoImage(), path);
  for (const sync of [false, true]) {
    const image = await open(path, { sync });
    assert.equal((await image.validate()).sound, true);
    const time = new Date(Date.now() + 5000 + 1000 * sync);
    utimesSync(path, time, time);
    await assert.rejects(digest(image.convert("raw")), { code: "changed" });
    await assert.rejects(image.readFile("/Report.txt"), (error) => error.code === "EIO" && error.cause.code === "changed");
    await image.close();
  }
  const list = await open([path, demoImage()]);
  appendFileSync(path, "more");
  await assert.rejects(list.extents(), { code: "changed" });
  await list.close();
});

test("what many read of one image at the same time, is read from the source at the same time", async () => {
  const bytes = readFileSync(demoVolume());
  let [now, most] = [0, 0];
  const image = await open({
    size: bytes.length,
    async read(offset, length) {
      now += 1;
      most = Math.max(most, now);
      await sleep(5);
      now -= 1;
      return bytes.subarray(offset, offset + length);
    },
  });
  const places = Array.from({ length: 20 }, (_, number) => number * (2 << 20) + 5);
  const found = await Promise.all(places.map((place) => image.read(place, 5000)));
  found.forEach((part, index) => assert.ok(bytes.subarray(places[index], places[index] + 5000).equals(part)));
  assert.ok(most > 5, `${most} reads`);
  await image.close();
});
