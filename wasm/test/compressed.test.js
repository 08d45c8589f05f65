// What can be read from its start to its end only is decompressed once, and then is as good as any other.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, test } from "node:test";
import { constants, gzipSync } from "node:zlib";
import { NtfscloneError, open } from "../pkg/js/node.js";
import { digest, digestOfFile } from "./support/content.js";
import * as fixtures from "./support/fixtures.js";
import { demoImage, demoRestored, demoVolume, ntfsclone, scratch } from "./support/fixtures.js";
import { serve } from "./support/server.js";

const folder = scratch("compressed");
const temporary = join(folder, "temporary");
mkdirSync(temporary);
// Where Node puts temporary files.
process.env.TMPDIR = temporary;

// Blocks that are linked, and have checksums.
const programs = { zstd: ["-q", "-3"], bzip2: ["-1"], lz4: ["-q", "-BD", "-BX"], lzma: ["-1"] };
const suffixes = { gzip: "gz", zstd: "zst", bzip2: "bz2", xz: "xz", lz4: "lz4", lzop: "lzo", lzip: "lz", lzma: "lzma" };
const isThere = (program) => ["/usr/bin", "/bin"].some((folder) => existsSync(join(folder, program)));
const needs = (compression) => ({ skip: compression === "gzip" || isThere(compression) ? false : `${compression} is missing` });

/** The bytes, compressed: gzip as two members, the others as their programs do it. */
function compress(compression, bytes) {
  if (compression === "gzip") {
    const middle = Math.floor(bytes.length / 3);
    return Buffer.concat([gzipSync(bytes.subarray(0, middle), { level: 1 }), gzipSync(bytes.subarray(middle), { level: 1 })]);
  }
  return execFileSync(compression, [...(programs[compression] ?? []), "-c"], { input: bytes, maxBuffer: 1 << 28 });
}

function compressed(name, compression, source) {
  const path = join(folder, `${name}.${suffixes[compression]}`);
  if (!existsSync(path)) {
    writeFileSync(path, compress(compression, readFileSync(source)));
  }
  return path;
}

const image = (compression) => compressed("demo.img", compression, demoImage());
const volume = (compression) => compressed("demo.ntfs", compression, demoVolume());

/** Temporary files that this process has open, with a name or without. */
function kept() {
  const open = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
  return { open: open.filter((path) => path.startsWith(temporary)).length, names: readdirSync(temporary).length };
}

const NOTHING = { open: 0, names: 0 };
afterEach(() => assert.deepEqual(kept(), NOTHING, "something is kept"));

async function error(source, options) {
  const error = await open(source, options).then(assert.fail, (error) => error);
  assert.ok(error instanceof NtfscloneError, error.stack);
  return error;
}

for (const compression of ["gzip", "zstd", "bzip2", "lz4", "xz", "lzop", "lzip", "lzma"]) {
  for (const [kind, fixture, plain] of [["image", image, demoImage], ["volume", volume, demoVolume]]) {
    test(`${compression}: ${kind}`, needs(compression), async () => {
      const path = fixture(compression);
      const opened = await open(path);
      // More than 16 MiB are not kept in memory.
      assert.deepEqual(kept(), { open: kind === "volume" ? 1 : 0, names: 0 });
      const [ofProgram, ofPlain] = [path, plain()].map((path) => JSON.parse(ntfsclone("info", "--json", path)));
      const { source, size, layers } = ofProgram;
      assert.deepEqual(opened.info(), { ...ofPlain, source, size, layers });
      assert.deepEqual(layers, [compression]);
      const report = JSON.parse(ntfsclone("verify", "--json", plain()));
      assert.deepEqual(await opened.validate(), { ...report, source: path });
      assert.deepEqual(await digest(opened.convert("raw")), await digestOfFile(demoRestored()));
      await opened.close();
    });
  }

  test(`${compression}: cut, damaged, and followed by something`, needs(compression), async () => {
    const path = join(folder, `bad.${suffixes[compression]}`);
    const whole = readFileSync(volume(compression));
    for (const length of [whole.length - 1, Math.floor(whole.length / 2), 30]) {
      writeFileSync(path, whole.subarray(0, length));
      const { code, offset, message } = await error(path);
      assert.deepEqual({ code, offset }, { code: "compressed-data", offset: length });
      assert.match(message, new RegExp(`the ${compression} stream ends too early, at byte 0x${length.toString(16)}`));
    }
    writeFileSync(path, whole);
    appendFileSync(path, "x");
    const { code, offset, message } = await error(path);
    assert.deepEqual({ code, offset }, { code: "compressed-data", offset: whole.length });
    assert.match(message, /other bytes follow it/);
    const damaged = Buffer.from(whole);
    damaged[Math.floor(whole.length * 0.4)] ^= 0x41;
    // lzma has no checksums.
    if (compression !== "lzma") {
      assert.equal((await error(damaged)).code, "compressed-data");
    }
  });
}

test("a checksum that does not agree is damage", async () => {
  const bytes = gzipSync(readFileSync(demoImage()));
  bytes[bytes.length - 6] ^= 1;
  const { code, message } = await error(bytes);
  assert.equal(code, "compressed-data");
  assert.match(message, /another checksum/);
});

test("several formats in several parts, at the same time", { skip: ["bzip2", "lz4", "xz", "lzop", "lzip"].some((one) => needs(one).skip) }, async () => {
  const bytes = readFileSync(demoImage());
  await Promise.all(["bzip2", "lz4", "xz", "lzop", "lzip"].map(async (compression) => {
    const parts = [bytes.subarray(0, 1_000_000), bytes.subarray(1_000_000)].map((part) => compress(compression, part));
    const opened = await open(Buffer.concat(parts));
    assert.deepEqual(opened.info().layers, [compression]);
    assert.deepEqual(await digest(opened.convert("raw")), await digestOfFile(demoRestored()));
    await opened.close();
  }));
});

test("xz that needs more memory than it may use", needs("xz"), async () => {
  const bytes = execFileSync("xz", ["--lzma2=preset=6,dict=256MiB", "-c"], { input: readFileSync(demoImage()), maxBuffer: 1 << 28 });
  const { code, message } = await error(bytes);
  assert.equal(code, "limit");
  assert.match(message, /needs more memory to be decompressed than 128 MiB/);
});

test("from a Blob, from pieces, from a server", async () => {
  const path = volume("gzip");
  const bytes = readFileSync(path);
  const pieceLength = 70_001;
  const pieces = [];
  for (let at = 0; at < bytes.length; at += pieceLength) {
    pieces.push(bytes.subarray(at, at + pieceLength));
  }
  const server = await serve({ "/": dirname(path) });
  const sources = {
    Blob: new Blob([bytes]),
    pieces: {
      size: bytes.length,
      async read(offset, length) {
        const parts = [];
        for (let at = offset; at < offset + length; ) {
          const piece = pieces[Math.floor(at / pieceLength)];
          const part = piece.subarray(at % pieceLength, (at % pieceLength) + offset + length - at);
          parts.push(part);
          at += part.length;
        }
        return Buffer.concat(parts);
      },
    },
    server: server.url("/demo.ntfs.gz"),
  };
  try {
    for (const [kind, source] of Object.entries(sources)) {
      const opened = await open(source);
      assert.equal((await opened.validate()).sound, true, kind);
      assert.deepEqual(opened.info().layers, ["gzip"]);
      assert.equal(opened.info().size, bytes.length);
      await opened.close();
    }
  } finally {
    await server.close();
  }
});

test("compressed twice, but not more often", needs("zstd"), async () => {
  const twice = gzipSync(readFileSync(volume("zstd")));
  const opened = await open(twice);
  assert.deepEqual(opened.info().layers, ["gzip", "zstd"]);
  assert.equal(opened.info().size, twice.length);
  assert.deepEqual(await digest(opened.convert("raw")), await digestOfFile(demoRestored()));
  assert.equal(kept().open, 1, "what is between is not kept");
  await opened.close();
  const { code, compression } = await error(gzipSync(twice));
  assert.deepEqual({ code, compression }, { code: "not-seekable", compression: "zstd" });
});

test("a whole disk", async () => {
  const path = compressed("disk.raw", "gzip", fixtures.disk());
  const { code, message, partitions } = await error(path, { partition: null });
  assert.equal(code, "disk");
  assert.equal(message, "it is a whole disk; name the partition");
  assert.deepEqual(partitions.map(({ number, isNtfs }) => [number, isNtfs]), [[1, false], [2, true]]);
  const opened = await open(path, { partition: 2 });
  assert.deepEqual(opened.info().layers, ["gzip", "partition 2"]);
  assert.equal(opened.info().size, readFileSync(path).length);
  assert.deepEqual(await digest(opened.convert("raw")), await digestOfFile(demoRestored()));
  await opened.close();
  assert.equal((await error(path, { partition: 3 })).code, "no-partition");
});

test("in a partition, whatever follows it", async () => {
  const disk = Buffer.from(readFileSync(fixtures.disk()));
  const start = 2 << 20;
  disk.fill(0xee, start);
  gzipSync(readFileSync(demoVolume())).copy(disk, start);
  const opened = await open(disk, { partition: 2 });
  assert.deepEqual(opened.info().layers, ["partition 2", "gzip"]);
  assert.equal(opened.info().size, 48 << 20);
  assert.deepEqual(await digest(opened.convert("raw")), await digestOfFile(demoRestored()));
  await opened.close();
});

test("a disk in zstd with a seek table is decompressed, too", needs("zstd"), async () => {
  const seekable = readFileSync(fixtures.demoVolumeCompressed());
  const disk = readFileSync(fixtures.disk());
  // Another frame before it: the table no longer leads to a volume.
  const bytes = Buffer.concat([compress("zstd", disk.subarray(0, 2 << 20)), seekable]);
  const opened = await open(bytes, { partition: 2 });
  assert.deepEqual(opened.info().layers, ["zstd", "partition 2"]);
  assert.equal((await opened.validate()).sound, true);
  await opened.close();
});

test("what is decompressed is told while it goes on, and can be stopped", async () => {
  const bytes = readFileSync(volume("gzip"));
  for (const at of [0, 0.3, 0.8]) {
    const controller = new AbortController();
    const source = {
      size: bytes.length,
      async read(offset, length) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return bytes.subarray(offset, offset + length);
      },
    };
    let last = 0;
    const onProgress = ({ done, total }) => {
      assert.ok(done <= total);
      last = done / total;
      if (last >= at) {
        controller.abort();
      }
    };
    await assert.rejects(open(source, { signal: controller.signal, onProgress }), { name: "AbortError" });
    assert.ok(last >= at);
    assert.deepEqual(kept(), NOTHING);
  }
});

test("without a place to keep it in", async () => {
  process.env.TMPDIR = join(folder, "nowhere");
  try {
    const { code, cause, message } = await error(volume("gzip"));
    assert.equal(code, "storage");
    assert.equal(cause.code, "ENOENT");
    assert.match(message, /decompress it first/);
    const small = await open(image("gzip"));
    assert.equal((await small.validate()).sound, true, "what is small needs none");
    await small.close();
  } finally {
    process.env.TMPDIR = temporary;
  }
});

test("a source that fails in the middle leaves nothing", async () => {
  const bytes = gzipSync(readFileSync(demoVolume()), { level: constants.Z_NO_COMPRESSION });
  const failure = new Error("the cable is loose");
  const source = {
    size: bytes.length,
    read(offset, length) {
      if (offset > bytes.length / 2) {
        throw failure;
      }
      return bytes.subarray(offset, offset + length);
    },
  };
  const { code, cause } = await error(source);
  assert.deepEqual({ code, cause }, { code: "read", cause: failure });
});

test("an image in it that is cut is told as ever", async () => {
  const opened = await open(gzipSync(readFileSync(fixtures.cutImage())));
  const report = await opened.validate();
  assert.equal(report.sound, false);
  assert.equal(report.findings[0].code, "image-truncated");
  await opened.close();
});
