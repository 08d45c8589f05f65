// Disks that are converted as a whole: the same as the command-line tool makes, byte for byte; of VMDK the same disk.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createWriteStream, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { formats, openDisk } from "../pkg/js/node.js";
import { digest, digestOfFile } from "./support/content.js";
import { demoImage, demoVolume, disk, diskWithDamagedTable, ntfsclone, qemuImg, scratch, virtualDisk } from "./support/fixtures.js";

const folder = scratch("whole-disk");
const cli = fileURLToPath(new URL("../pkg/js/cli.js", import.meta.url));

/** What the command-line tool makes of it. */
function expected(target, source) {
  const output = join(folder, `expected.${target}`);
  rmSync(output, { force: true });
  ntfsclone("convert", "--to", target, source, output);
  return output;
}

async function convert(source, target, options) {
  const opened = await openDisk(source);
  let size;
  const result = await digest(opened.convert(target, { ...options, onSize: (bytes) => (size = bytes) }));
  await opened.close();
  return { size, result };
}

for (const target of ["raw", "qcow2", "vdi", "vhd", "vhd-fixed", "vhdx"]) {
  test(`${target}, of every source`, async () => {
    const path = expected(target, disk());
    const result = await digestOfFile(path);
    assert.deepEqual(await convert(disk(), target), { size: statSync(path).size, result });
    assert.deepEqual((await convert(disk(), target, { holes: true })).result, result);
    assert.deepEqual((await convert(gzipSync(readFileSync(disk()), { level: 1 }), target)).result, result);
    const gpt = diskWithDamagedTable();
    assert.deepEqual((await convert(gpt, target)).result, await digestOfFile(expected(target, gpt)));
  });
}

// The program leaves out zeros that are holes of the file: other formats may have fewer blocks.
test("raw, of virtual disks", { skip: !qemuImg && "qemu-img is missing" }, async () => {
  const result = await digestOfFile(expected("raw", disk()));
  for (const format of ["vhdx", "qcow2", "vmdk", "vdi", "vpc"]) {
    const opened = await openDisk(virtualDisk(format));
    const { size } = opened;
    const made = await digest(opened.convert("raw"));
    await opened.close();
    if (size === result.length) {
      assert.deepEqual(made, result, format);
    } else {
      assert.deepEqual(made, await digestOfFile(expected("raw", virtualDisk(format))), format);
    }
  }
});

test("vmdk", async () => {
  const output = join(folder, "made.vmdk");
  const opened = await openDisk(disk());
  await pipeline(opened.convert("vmdk"), createWriteStream(output));
  await opened.close();
  assert.deepEqual(await convert(output, "raw"), await convert(disk(), "raw"));
});

test("what is compressed is the same disk", async () => {
  const output = join(folder, "made.raw.zst");
  const opened = await openDisk(disk());
  await pipeline(opened.convert("raw", { compress: true }), createWriteStream(output));
  await opened.close();
  assert.deepEqual((await convert(output, "raw")).result, (await convert(disk(), "raw")).result);
});

test("a disk has a size and partitions", async () => {
  const opened = await openDisk(disk());
  assert.equal(opened.size, statSync(disk()).size);
  assert.deepEqual(
    opened.partitions.map(({ number, isNtfs }) => [number, isNtfs]),
    [[1, false], [2, true]],
  );
  assert.equal(opened.partitions[1].size, statSync(demoVolume()).size);
  await opened.close();
});

test("formats that hold one volume, and what is no disk, are refused", async () => {
  const opened = await openDisk(disk());
  for (const target of Object.keys(formats).filter((target) => formats[target].disk === null)) {
    assert.throws(() => opened.convert(target), (error) => error.code === "target" && error.message.includes(target));
  }
  await opened.close();
  for (const source of [demoVolume(), demoImage()]) {
    await assert.rejects(openDisk(source), { code: "no-partition" });
  }
});

test("a closed disk is not converted", async () => {
  const opened = await openDisk(disk());
  await opened.close();
  assert.throws(() => opened.convert("raw"), { code: "closed" });
});

test("the small program converts a whole disk unless a partition is named", async () => {
  const output = join(folder, "by-cli.vhdx");
  execFileSync(process.execPath, [cli, "convert", "-o", output, disk()]);
  assert.deepEqual(await digestOfFile(output), await digestOfFile(expected("vhdx", disk())));
});
