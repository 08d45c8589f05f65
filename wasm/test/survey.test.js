// What is in a volume: files by name and size, clusters by who has them, bytes at any place.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { open } from "../pkg/js/node.js";
import { demoImage, demoRestored, demoVolume } from "./support/fixtures.js";

async function surveyed(image, options) {
  const files = new Map();
  const held = [];
  for await (const piece of image.survey(options)) {
    for (const file of piece.files ?? []) {
      assert.ok(!files.has(file.record));
      files.set(file.record, file);
    }
    held.push(...(piece.held ?? []));
  }
  return { files, held };
}

for (const [kind, fixture] of [["image", demoImage], ["volume", demoVolume]]) {
  test(`all files and clusters of an ${kind} are told`, async () => {
    const image = await open(fixture());
    const progress = [];
    const { files, held } = await surveyed(image, { onProgress: (report) => progress.push(report) });
    const { files: expected } = image.info().volume;
    assert.equal(files.size, expected);
    const { done, total } = progress.at(-1);
    assert.equal(done, total);

    const root = files.get(5);
    assert.deepEqual([root.name, root.parent, root.holder], [".", 5, "directory"]);
    assert.equal(files.get(0).name, "$MFT");
    assert.equal(files.get(0).holder, "mft");
    const own = [...files.values()].filter(({ holder }) => holder === "file");
    assert.ok(own.length > 0);
    for (const file of files.values()) {
      const clusters = held.filter(({ record }) => record === file.record);
      assert.equal(clusters.reduce((sum, { length }) => sum + length, 0), file.clusters);
    }

    const inUse = new Set();
    for (const { lcn, length, holder } of held) {
      for (let cluster = lcn; holder !== "bad" && cluster < lcn + length; cluster += 1) {
        inUse.add(cluster);
      }
    }
    const extents = await image.extents();
    assert.equal(inUse.size, extents.reduce((sum, { length }) => sum + length, 0));
    assert.ok(extents.every(({ lcn }) => inUse.has(lcn)));
    await image.close();
  });
}

test("a survey that is left early leaves nothing behind", async () => {
  const image = await open(demoImage());
  for await (const { files } of image.survey()) {
    assert.ok(files.length > 0);
    break;
  }
  const { files } = await surveyed(image);
  assert.ok(files.size > 0);
  await assert.rejects(surveyed(image, { signal: AbortSignal.abort("enough") }), (reason) => reason === "enough");
  await image.close();
});

test("bytes are those of the restored volume", async () => {
  const volume = readFileSync(demoRestored());
  const image = await open(demoImage());
  for (const [offset, length] of [
    [0, 512],
    [1, 1],
    [4095, 2],
    [(1 << 20) - 7, (3 << 20) + 13],
    [volume.length - 10, 10],
    [volume.length - 10, 1000],
    [volume.length, 1],
    [2 ** 52, 100],
  ]) {
    assert.ok(volume.subarray(offset, offset + length).equals(await image.read(offset, length)), `${offset} ${length}`);
  }
  await image.close();
});
