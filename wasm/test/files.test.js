// Files by their paths, against what the program lists and ntfscat reads.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { FileEntry, FileError, NtfscloneError, open } from "../pkg/js/node.js";
import { collect } from "./support/content.js";
import * as fixtures from "./support/fixtures.js";
import { demoImage, demoMetadata, demoVolume, disk, ntfsclone } from "./support/fixtures.js";

/** What the program lists. */
const listed = (path, ...options) =>
  ntfsclone("ls", "--json", ...options, path)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

const LOG = "/Compressed/log.txt";
const REPORT = "/Report.txt";
const OTHER = "/Letters/The same report.txt";

const list = async (entries) => {
  const found = [];
  for await (const entry of entries) {
    found.push(entry);
  }
  return found;
};

const pathsOf = async (entries) => (await list(entries)).map(({ path }) => path);

function rejects(promise, code, reason) {
  return assert.rejects(promise, (error) => {
    assert.ok(error instanceof FileError, error);
    assert.equal(error.code, code);
    assert.ok(error.cause instanceof NtfscloneError);
    assert.equal(error.cause.code, reason);
    assert.ok(error.message.startsWith(`${code}: `), error.message);
    return true;
  });
}

for (const kind of ["demoVolume", "demoImage", "demoCompressed", "demoMetadata"]) {
  test(`a walk is what the program lists: ${kind}`, async () => {
    const image = await open(fixtures[kind]());
    const seconds = (time) => time?.toISOString().slice(0, 19);
    const found = (await list(image.walk())).map((entry) => ({
      path: entry.path,
      name: entry.name,
      kind: entry.reparse ?? entry.kind,
      size: entry.size,
      allocated: entry.allocated,
      attributes: entry.attributes,
      links: entry.links,
      record: entry.record,
      short_name: entry.shortName,
      modified: seconds(entry.mtime),
      created: seconds(entry.birthtime),
      streams: entry.streams,
      target: entry.target,
    }));
    const expected = listed(fixtures[kind](), "-R").map(({ accessed, record_changed, modified, created, ...file }) => ({
      ...file,
      modified: modified.slice(0, 19),
      created: created.slice(0, 19),
    }));
    assert.ok(expected.length > 300);
    assert.deepEqual(found, expected);
    await image.close();
  });
}

test("a directory is listed by any spelling of its path", async () => {
  const image = await open(demoImage());
  const expected = listed(demoImage()).map(({ path }) => path);
  for (const path of ["/", "", ".", "\\"]) {
    assert.deepEqual(await pathsOf(image.readdir(path)), expected);
  }
  assert.deepEqual(await pathsOf(image.readdir()), expected);
  const letters = await pathsOf(image.readdir("/Letters/2024"));
  assert.equal(letters.length, 12);
  for (const path of ["letters/2024/", "\\LETTERS\\2024", "//Letters/./2024"]) {
    assert.deepEqual(await pathsOf(image.readdir(path)), letters);
  }
  const system = await list(image.readdir("/", { system: true }));
  assert.ok(system.some(({ name, isSystem }) => name === "$MFT" && isSystem));
  await image.close();
});

test("an entry has what node:fs has of one, and exact times", async () => {
  const image = await open(demoImage());
  const entry = await image.stat(REPORT.toUpperCase());
  assert.ok(entry instanceof FileEntry);
  assert.deepEqual([entry.path, entry.name, entry.parentPath], [REPORT, "Report.txt", "/"]);
  assert.deepEqual([entry.isFile(), entry.isDirectory(), entry.isSymbolicLink()], [true, false, false]);
  assert.equal(entry.mtime.toISOString(), "2024-07-01T12:00:00.000Z");
  assert.equal(entry.mtimeNs, BigInt(Date.parse("2024-07-01T12:00:00Z")) * 1_000_000n);
  assert.deepEqual(entry.streams.map(({ name, size }) => [name, size]), [["notes", 9000], ["Zone.Identifier", 26]]);
  assert.equal((await image.stat(OTHER)).record, entry.record);
  const [root, folder] = [await image.stat("/"), await image.stat("/Letters")];
  assert.deepEqual([root.path, root.parentPath, root.kind], ["/", "/", "directory"]);
  assert.deepEqual([folder.parentPath, folder.isDirectory()], ["/", true]);
  // It can be sent to another thread.
  assert.equal(structuredClone(entry).mtime.getTime(), entry.mtime.getTime());
  const stream = await image.stat(`${REPORT}:ZONE.identifier`);
  assert.deepEqual([stream.path, stream.stream, stream.size], [`${REPORT}:Zone.Identifier`, "Zone.Identifier", 26]);
  await image.close();
});

test("what does not exist has the codes of node:fs", async () => {
  const image = await open(demoImage());
  await rejects(image.stat("/none"), "ENOENT", "no-file");
  await rejects(image.stat(`${REPORT}:none`), "ENOENT", "no-stream");
  await rejects(image.stat(`${REPORT}/none`), "ENOTDIR", "not-directory");
  await rejects(list(image.readdir(REPORT)), "ENOTDIR", "not-directory");
  await rejects(list(image.walk("/none")), "ENOENT", "no-file");
  await rejects(image.readFile("/Letters"), "EISDIR", "directory");
  await rejects(image.readFile("/none"), "ENOENT", "no-file");
  await rejects(image.readFile("/$Secure"), "ENOENT", "no-stream");
  await rejects(image.readFile(REPORT, { efsRaw: true }), "EINVAL", "not-encrypted");
  await rejects(collect(image.readable("/Letters")), "EISDIR", "directory");
  await rejects(image.blob("/Letters"), "EISDIR", "directory");
  await rejects(image.blob(REPORT, { stream: "none" }), "ENOENT", "no-stream");
  for (const [path, expected] of [["/", true], [OTHER, true], [`${OTHER}:notes`, true], ["/none", false], [`${REPORT}/x`, false], [`${REPORT}:x`, false]]) {
    assert.equal(await image.exists(path), expected, path);
  }
  await image.close();
  await rejects(image.stat("/"), "EBADF", "closed");
  const metadata = await open(demoMetadata());
  await rejects(metadata.readFile(LOG), "EIO", "not-stored");
  await metadata.close();
});

test("content is what the records have, also of streams and ranges", async () => {
  const image = await open(demoImage());
  for (const [path, stream] of [[LOG, ""], [REPORT, ""], [OTHER, "notes"], ["/Fragmented database.db", ""]]) {
    const { record } = await image.stat(path);
    const expected = Buffer.from(await collect(image.content(record, { stream })));
    assert.ok(expected.length > 0);
    const { length } = expected;
    for (const target of stream ? [path, `${path}:${stream.toUpperCase()}`] : [path, path.toLowerCase(), await image.stat(path)]) {
      const options = typeof target === "string" && target.includes(":") ? {} : { stream };
      assert.ok(expected.equals(await image.readFile(target, options)));
      assert.ok(expected.equals(await collect(image.readable(target, options))));
      for (const [start, end] of [[0, 0], [0, 1], [length - 1, length], [1000, 70_001], [length - 10, length + 99], [length + 1, length + 2], [9, 3]]) {
        const part = expected.subarray(start, Math.max(start, end));
        assert.ok(part.equals(await image.readFile(target, { ...options, start, end })), `${path} ${start} ${end}`);
        assert.ok(part.equals(await collect(image.readable(target, { ...options, start, end }))));
      }
      assert.ok(expected.subarray(5000).equals(await image.readFile(target, { ...options, start: 5000 })));
    }
  }
  await image.close();
});

test("the end of a large file is read without what comes before", async () => {
  const volume = readFileSync(demoVolume());
  let bytes = 0;
  const image = await open({
    size: volume.length,
    read(offset, length) {
      bytes += length;
      return volume.subarray(offset, offset + length);
    },
  });
  const { path, size } = (await list(image.walk())).reduce((a, b) => (a.size > b.size ? a : b));
  assert.ok(size > 4 << 20);
  const before = bytes;
  assert.equal((await image.readFile(path, { start: size - 100 })).length, 100);
  assert.ok(bytes - before < 1 << 20, `${bytes - before} bytes were read`);
  await image.close();
});

test("a blob is read when it is asked for", async () => {
  const image = await open(demoImage());
  const all = Buffer.from(await image.readFile(REPORT));
  const blob = await image.blob(REPORT, { type: "text/plain" });
  assert.deepEqual([blob.size, blob.type, blob.name, blob.lastModified], [all.length, "text/plain", "Report.txt", Date.parse("2024-07-01T12:00:00Z")]);
  assert.ok(all.equals(await blob.bytes()));
  assert.ok(all.equals(Buffer.from(await blob.arrayBuffer())));
  assert.equal(await blob.text(), all.toString());
  assert.ok(all.equals(await collect(blob.stream())));
  const real = new Blob([all]);
  for (const range of [[], [10], [10, 20], [-10], [-20, -10], [20, 10], [0, 1e9], [-1e9, 5]]) {
    const [part, expected] = [blob.slice(...range), real.slice(...range)];
    assert.equal(part.size, expected.size, `${range}`);
    assert.equal(await part.text(), await expected.text(), `${range}`);
    assert.equal(await part.slice(1, 4).text(), await expected.slice(1, 4).text(), `${range}`);
  }
  const platform = await new Response(blob.stream()).blob();
  assert.equal(await platform.text(), all.toString());
  const entry = await image.stat(REPORT);
  assert.equal((await image.blob(entry, { stream: "notes" })).size, 9000);
  assert.equal((await image.blob(`${REPORT}:NOTES`)).size, 9000);
  await image.close();
});

const mkntfs = existsSync("/usr/sbin/ntfscp") || existsSync("/usr/bin/ntfscp") ? fixtures.mkntfs : undefined;

test("an image in an image is opened by its blob", { skip: !mkntfs }, async () => {
  const path = fixtures.emptyVolume("outer.ntfs", 80 << 20, 4096);
  execFileSync("ntfscp", ["-q", path, disk(), "/disk.raw"]);
  const outer = await open(path);
  const inner = await open(await outer.blob("/disk.raw"), { partition: 2 });
  assert.equal(inner.info().volume.label, "Demo");
  assert.equal((await inner.stat(LOG)).size, 1_000_000);
  await inner.close();
  await outer.close();
});

test("a search finds what the program's pattern does", async () => {
  const image = await open(demoImage());
  for (const pattern of ["**/*.txt", "*.TXT", "Letters/**", "/Pictures/Thumbnails/thumbnail 00?[0-4].txt", "**/{log,report}.txt", "none/**", "Letters/2024/letter 01.txt", "**/*köln*"]) {
    const expected = ntfscloneFinds(pattern);
    const found = await pathsOf(image.search(pattern));
    assert.deepEqual(found.filter((path) => path !== "/Letters"), expected, pattern);
  }
  await rejects(list(image.search("[a")), "EINVAL", "argument");
  await image.close();
});

/** The program takes a path without wildcards for that of a file. */
function ntfscloneFinds(pattern) {
  if (!/[*?[]/.test(pattern)) {
    return [`/${pattern}`];
  }
  return ntfsclone("ls", demoImage(), pattern).trim().split("\n").filter(Boolean);
}

test("lists are taken no faster than they are read, and can be left or stopped", async () => {
  const image = await open(demoImage());
  for await (const entry of image.walk()) {
    assert.ok(entry.name);
    break;
  }
  const reason = new Error("enough");
  await assert.rejects(list(image.walk("/", { signal: AbortSignal.abort(reason) })), reason);
  const controller = new AbortController();
  await assert.rejects(async () => {
    for await (const _ of image.walk("/", { signal: controller.signal })) {
      controller.abort(reason);
    }
  }, reason);
  await assert.rejects(image.readFile(LOG, { signal: AbortSignal.abort(reason) }), reason);
  assert.equal((await list(image.walk())).length, listed(demoImage(), "-R").length);
  await image.close();
});

test("many calls at the same time get what each of them asked for", async () => {
  const image = await open(demoImage());
  const files = (await list(image.walk())).filter((entry) => entry.isFile() && entry.size > 0);
  const alone = new Map();
  for (const { path } of files) {
    alone.set(path, Buffer.from(await image.readFile(path)));
  }
  const walks = Array.from({ length: 5 }, () => pathsOf(image.walk()));
  const reads = files.map(async ({ path }) => assert.ok(alone.get(path).equals(await image.readFile(path)), path));
  const [first, ...others] = await Promise.all(walks);
  others.forEach((other) => assert.deepEqual(other, first));
  await Promise.all(reads);
  await image.close();
});
