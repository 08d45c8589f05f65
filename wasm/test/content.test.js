// The content of files, against what ntfscat reads.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { open } from "../pkg/js/node.js";
import * as fixtures from "./support/fixtures.js";

const program = ["/usr/bin/ntfscat", "/bin/ntfscat"].find((path) => existsSync(path));

async function read(stream) {
  const pieces = [];
  for await (const piece of stream) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

async function filesOf(image) {
  const files = [];
  for await (const piece of image.survey()) {
    files.push(...(piece.files ?? []));
  }
  return files;
}

const known = new Map();

/** What ntfscat reads of a stream of the demo volume. */
function expected(record, stream) {
  const key = `${record}:${stream}`;
  if (!known.has(key)) {
    known.set(key, ntfscat(record, stream));
  }
  return known.get(key);
}

function ntfscat(record, stream) {
  const name = stream === "" ? [] : ["-n", stream];
  const { status, stdout, stderr } = spawnSync(program, ["-f", "-i", String(record), ...name, fixtures.demoVolume()], { maxBuffer: 1 << 28 });
  assert.equal(status, 0, `${record}:${stream}: ${stderr}`);
  return stdout;
}

for (const kind of ["demoVolume", "demoImage", "demoCompressed", "demoVolumeCompressed"]) {
  test(`content is what ntfscat reads: ${kind}`, { skip: !program }, async () => {
    const image = await open(fixtures[kind]());
    let streams = 0;
    let compared = 0;
    for (const file of await filesOf(image)) {
      if (file.holder !== "file") {
        continue;
      }
      const all = [{ name: "", size: file.size }, ...file.streams];
      for (const { name, size } of all) {
        const label = `${file.name}:${name}`;
        const progress = [];
        const onProgress = (report) => progress.push(report);
        const found = await read(image.content(file.record, { stream: name, onProgress }));
        assert.equal(found.length, size, label);
        assert.ok(found.equals(expected(file.record, name)), label);
        if (size > 0) {
          assert.deepEqual(progress.at(-1), { done: size, total: size }, label);
        }
        streams += name === "" ? 0 : 1;
        compared += size;
      }
    }
    assert.ok(streams > 0);
    assert.ok(compared > 8 << 20, `${compared} bytes`);
    await image.close();
  });
}

test("content that is not there is an error, with its code", async () => {
  const image = await open(fixtures.demoVolume());
  await assert.rejects(read(image.content(5)), { code: "directory" });
  await assert.rejects(read(image.content(9)), { code: "no-stream" });
  await assert.rejects(read(image.content(2 ** 40)), { code: "no-file" });
  await assert.rejects(read(image.content(0, { stream: "none" })), { code: "no-stream", message: /"none"/ });
  for (const record of [-1, 0.5, NaN, "5"]) {
    assert.throws(() => image.content(record), { code: "argument" });
    await assert.rejects(image.read(record, 1), { code: "argument" });
  }
  assert.equal((await image.read(0, 512)).length, 512);
  await image.close();

  const metadata = await open(fixtures.demoMetadata());
  const files = (await filesOf(metadata)).filter(({ holder, size }) => holder === "file" && size > 0);
  assert.ok(files.length > 0);
  for (const { record } of files) {
    await assert.rejects(read(metadata.content(record)), { code: "not-stored" });
  }
  await metadata.close();
});

test("content is read no faster than it is taken, and can be left", async () => {
  let bytes = 0;
  const { readFileSync } = await import("node:fs");
  const volume = readFileSync(fixtures.demoVolume());
  const image = await open({
    size: volume.length,
    read(offset, length) {
      bytes += length;
      return volume.subarray(offset, offset + length);
    },
  });
  const files = await filesOf(image);
  const { record, size } = files.filter(({ holder }) => holder === "file").reduce((a, b) => (a.size > b.size ? a : b));
  assert.ok(size > 4 << 20);
  const before = bytes;
  const reader = image.content(record).getReader();
  const { value } = await reader.read();
  assert.ok(value.length > 0);
  assert.ok(bytes - before < size / 2, `${bytes - before} bytes were read`);
  await reader.cancel();
  const controller = new AbortController();
  const aborted = image.content(record, { signal: controller.signal });
  controller.abort("enough");
  await assert.rejects(read(aborted), (reason) => reason === "enough");
  const stream = image.content(record);
  await image.close();
  await assert.rejects(read(stream), { code: "closed" });
});
