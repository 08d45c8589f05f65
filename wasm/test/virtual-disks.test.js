// Virtual disks, made by qemu-img: the same as from the volume in them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { open } from "../pkg/js/node.js";
import { digest, digestOfFile } from "./support/content.js";
import { demoVolume, disk, ntfsclone, qemuImg, virtualDisk } from "./support/fixtures.js";

const skip = !qemuImg && "qemu-img is missing";
const partition = 2;

async function summaryOf(source, options) {
  const image = await open(source, options);
  const { volume, layers } = image.info();
  const { sound, findings } = await image.validate();
  const extents = await image.extents();
  const names = [];
  for await (const { files = [] } of image.survey()) {
    names.push(...files.map(({ name }) => name));
  }
  const start = Buffer.from(await image.read(0, 4096));
  const raw = await digest(image.convert("raw"));
  const packed = await digest(image.convert("ntfsclone"));
  await image.close();
  return { layers, facts: { volume, sound, findings, names, start, raw, packed, clusters: extents.map(({ lcn, length }) => [lcn, length]) } };
}

for (const [what, format, ...options] of [
  ["qcow2", "qcow2"],
  ["qcow2", "qcow2", "-c"],
  ["qcow2", "qcow2", "-c", "-o", "compression_type=zstd"],
  ["VDI", "vdi"],
  ["VHD", "vpc"],
  ["VHDX", "vhdx"],
  ["VMDK", "vmdk"],
  ["VMDK", "vmdk", "-o", "subformat=streamOptimized"],
]) {
  test(`${[format, ...options].join(" ")}: all is as in the disk that it was made of`, { skip }, async () => {
    const path = virtualDisk(format, ...options);
    const { layers, facts } = await summaryOf(path, { partition });
    assert.deepEqual(layers, [what, "partition 2"]);
    assert.deepEqual(facts, (await summaryOf(disk(), { partition })).facts);
    assert.deepEqual(JSON.parse(ntfsclone("info", "--json", "--partition=2", path)).layers, layers);
  });
}

test("a virtual disk in a compressed stream is opened in what that is decompressed to", { skip }, async () => {
  const { layers, facts } = await summaryOf(gzipSync(readFileSync(virtualDisk("vhdx")), { level: 1 }), { partition });
  assert.deepEqual(layers, ["gzip", "VHDX", "partition 2"]);
  assert.equal(facts.sound, true);
});

test("what is no partition, and what is damaged, is told", { skip }, async () => {
  await assert.rejects(open(virtualDisk("qcow2"), { partition: null }), { code: "disk" });
  await assert.rejects(open(virtualDisk("qcow2"), { partition: 7 }), { code: "no-partition" });
  const cut = readFileSync(virtualDisk("vhdx")).subarray(0, 300_000);
  await assert.rejects(open(cut, { partition }), (error) => /^(corrupt|limit|read|unsupported)$/.test(error.code));
  const image = await open(demoVolume());
  assert.equal(image.info().volume.label, "Demo");
  await image.close();
});

test("an image of partclone is opened as a volume", async () => {
  const pieces = [];
  const volume = await open(demoVolume());
  for await (const piece of volume.convert("partclone")) {
    pieces.push(piece);
  }
  const image = await open(new Blob(pieces));
  assert.deepEqual(image.info().layers, ["partclone"]);
  assert.deepEqual(await image.readFile("/Report.txt"), await volume.readFile("/Report.txt"));
  assert.equal((await image.validate()).sound, true);
  await image.close();
  await volume.close();
});
