// Compressed files of some size are not kept decompressed: what is read is decompressed from the nearest point of an index.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { NtfscloneError, open } from "../pkg/js/node.js";
import { digest } from "./support/content.js";
import { mkntfs, noisyVolume, ntfsclone, program, scratch } from "./support/fixtures.js";

const folder = scratch("by-index");
// Whatever would be kept there is an error.
process.env.TMPDIR = join(folder, "nowhere");
// The program would keep its indexes for other tests.
process.env.XDG_CACHE_HOME = join(folder, "cache");

const skip = mkntfs ? false : "mkntfs is missing";
const isThere = (tool) => existsSync(join("/usr/bin", tool)) || existsSync(join("/bin", tool));
const MIB = 1 << 20;
let path;
let content;
before(async () => {
  if (!skip) {
    path = noisyVolume();
    const plain = await open(path);
    content = Buffer.from(await plain.readFile("/content.bin"));
    await plain.close();
  }
});

/** The volume in two parts, each in several units. */
function compressed(compression) {
  const bytes = readFileSync(path);
  const parts = [bytes.subarray(0, 30 * MIB), bytes.subarray(30 * MIB)];
  const how = { zstd: ["-q", "--zstd=wlog=19"], xz: ["-0", "-T0", "--block-size=4MiB"], bzip2: ["-1"], lz4: ["-q", "-BD", "-B5"] };
  return Buffer.concat(
    parts.map((part) =>
      compression === "gzip"
        ? gzipSync(part, { level: 6 })
        : execFileSync(compression, [...how[compression], "-c"], { input: part, maxBuffer: 1 << 28 }),
    ),
  );
}

const isFast = (compression) => compression !== "bzip2" && compression !== "xz";

/** A source, and how many bytes were read of it. */
function counted(bytes) {
  const source = {
    size: bytes.length,
    count: 0,
    read(offset, length) {
      source.count += length;
      return bytes.subarray(offset, offset + length);
    },
  };
  return source;
}

for (const compression of ["gzip", "zstd", "bzip2", "lz4", "xz"]) {
  test(`${compression}: nothing is kept, and little is read again`, { skip: skip || (isThere(compression) ? false : `${compression} is missing`) }, async () => {
    const source = counted(compressed(compression));
    const image = await open(source);
    assert.deepEqual(image.info().layers, [compression]);
    assert.equal(image.info().size, source.size);
    assert.ok(source.count < 2 * source.size, `${source.count} of ${source.size} to open it`);
    const before = source.count;
    const [start, end] = [5.3 * MIB, 6.3 * MIB].map(Math.floor);
    const read = await image.readFile("/content.bin", { start, end });
    assert.ok(content.subarray(start, end).equals(read));
    const again = source.count - before;
    assert.ok(again < source.size / 3, `${again} of ${source.size}`);
    if (isFast(compression)) {
      assert.deepEqual(await digest(image.convert("raw")), await digest(convertedPlain()));
    }
    await image.close();
  });
}

async function* convertedPlain() {
  const plain = await open(path);
  yield* plain.convert("raw");
  await plain.close();
}

test("an index is given and taken, also by the program", { skip }, async () => {
  const file = join(folder, "volume.ntfs.gz");
  const bytes = compressed("gzip");
  writeFileSync(file, bytes);
  let index;
  const first = await open(file, { onIndex: (made) => (index = made) });
  await first.close();
  assert.ok(index.length < content.length / 200, `${index.length} bytes`);
  const source = counted(bytes);
  const second = await open(source, { index, onIndex: () => assert.fail("it was made again") });
  assert.ok(source.count < source.size, "it was read as a whole");
  assert.ok(content.equals(await second.readFile("/content.bin")));
  await second.close();
  writeFileSync(`${file}.index`, index);
  const listed = spawnSync(program, ["cat", file, "/content.bin"], { maxBuffer: 1 << 28 });
  assert.equal(listed.stderr.toString(), "");
  assert.ok(content.equals(listed.stdout));
  const ofProgram = join(folder, "program.index");
  writeFileSync(join(folder, "other.gz"), bytes);
  ntfsclone("info", `--index=${ofProgram}`, join(folder, "other.gz"));
  const third = await open(bytes, { index: readFileSync(ofProgram), onIndex: () => assert.fail("it was made again") });
  assert.ok(content.equals(await third.readFile("/content.bin")));
  await third.close();
});

test("an index of another file is not used", { skip }, async () => {
  let index;
  await (await open(compressed("gzip"), { onIndex: (made) => (index = made) })).close();
  const other = readFileSync(path);
  other[other.length - 600] ^= 1;
  let made = 0;
  const image = await open(gzipSync(other), { index, onIndex: () => (made += 1) });
  assert.equal(made, 1);
  assert.ok(content.equals(await image.readFile("/content.bin")));
  await image.close();
});

test("what changed since the index was made is an error", { skip }, async () => {
  const bytes = compressed("gzip");
  const image = await open(bytes);
  // In the middle, byte by byte: whatever was decompressed before is cached.
  for (let at = bytes.length * 0.45; at < bytes.length * 0.5; at += 5000) {
    bytes[Math.floor(at)] ^= 0x55;
  }
  const error = await image.readFile("/content.bin").then(() => assert.fail("it was taken for sound"), (error) => error);
  const cause = error instanceof NtfscloneError ? error : error.cause;
  assert.equal(cause.code, "compressed-data", error.stack);
  await image.close();
});

test("wrong options are named", { skip }, async () => {
  await assert.rejects(open(path, { index: "volume.index" }), { code: "argument", message: /the option index is a Uint8Array/ });
});
