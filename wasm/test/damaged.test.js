// Looking into images that are damaged or cut short.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { open } from "../pkg/js/node.js";
import { cutImage, demoImage, demoVolume } from "./support/fixtures.js";

async function surveyed(image, options) {
  const files = [];
  for await (const piece of image.survey(options)) {
    files.push(...(piece.files ?? []));
  }
  return files;
}

async function read(stream) {
  const pieces = [];
  for await (const piece of stream) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

test("of an image that was cut, what comes before the end is told", async () => {
  const whole = await open(demoImage());
  const size = whole.info().volume.cluster_size;
  const all = await whole.extents();
  const { length } = readFileSync(cutImage());
  const expected = all
    .map((extent) => ({ ...extent, length: Math.min(extent.length, Math.floor((length - extent.offset) / (size + 1))) }))
    .filter((extent) => extent.length > 0);
  assert.ok(expected.length > 0 && expected.length < all.length);

  const cut = await open(cutImage());
  await assert.rejects(cut.extents(), { code: "corrupt" });
  await assert.rejects(cut.read(0, 512), { code: "corrupt" });
  await assert.rejects(surveyed(cut), { code: "corrupt" });
  assert.deepEqual(await cut.extents({ damaged: true }), expected);
  // Of a sound one, the option changes nothing.
  assert.deepEqual(await whole.extents({ damaged: true }), all);

  const volume = readFileSync(demoVolume());
  assert.ok(volume.subarray(0, 512).equals(await cut.read(0, 512, { damaged: true })));

  const files = await surveyed(whole);
  assert.deepEqual(await surveyed(cut, { damaged: true }), files);
  const codes = new Set();
  let same = 0;
  for (const { record } of files.filter((file) => file.holder === "file")) {
    try {
      const found = await read(cut.content(record, { damaged: true }));
      assert.ok(found.equals(await read(whole.content(record))), `record ${record}`);
      same += 1;
    } catch (error) {
      if (error.code === undefined) {
        throw error;
      }
      codes.add(error.code);
    }
  }
  assert.deepEqual([...codes], ["not-stored"]);
  assert.ok(same > 0);
  await whole.close();
  await cut.close();
});

test("of a volume that was cut, what is there is told", async () => {
  const volume = readFileSync(demoVolume());
  const whole = await open(volume);
  const cut = await open(volume.subarray(0, 4_000_000));
  await assert.rejects(surveyed(cut), { code: "limit" });
  const files = await surveyed(cut, { damaged: true });
  assert.deepEqual(files, await surveyed(whole));
  const extents = await cut.extents({ damaged: true });
  const { cluster_size: size } = whole.info().volume;
  assert.ok(extents.length > 0 && extents.every(({ lcn, length }) => (lcn + length) * size <= 4_000_000));
  const largest = files.filter(({ holder }) => holder === "file").reduce((a, b) => (a.size > b.size ? a : b));
  await assert.rejects(read(cut.content(largest.record, { damaged: true })), { code: "not-stored" });
  await whole.close();
  await cut.close();
});
