// Every format that a volume is converted to: the same as the command-line tool makes, byte for byte; of VMDK, which it
// compresses with another library, the same disk.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createWriteStream, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { open } from "../pkg/js/node.js";
import { digest, digestOfFile } from "./support/content.js";
import { demoCompressed, demoImage, demoVolume, disk, ntfsclone, qemuImg, scratch } from "./support/fixtures.js";

const folder = scratch("converting");
const cli = fileURLToPath(new URL("../pkg/js/cli.js", import.meta.url));
const VOLUMES = ["raw", "ntfsclone", "partclone"];
const DISKS = ["qcow2", "vdi", "vhd", "vhd-fixed", "vhdx"];

/** What the command-line tool makes of it. */
function expected(target, source, ...options) {
  const output = join(folder, `expected.${target}`);
  rmSync(output, { force: true });
  ntfsclone("convert", "--to", target, ...options, source, output);
  return output;
}

async function convert(source, target, { partition, ...options } = {}) {
  const image = await open(source, { partition });
  let size;
  const result = await digest(image.convert(target, { ...options, onSize: (bytes) => (size = bytes) }));
  await image.close();
  return { size, result };
}

for (const target of [...VOLUMES, ...DISKS]) {
  test(`${target}, of every source`, async () => {
    const path = expected(target, demoVolume());
    const result = await digestOfFile(path);
    const { size } = statSync(path);
    assert.deepEqual(await convert(demoVolume(), target), { size, result });
    assert.deepEqual((await convert(demoImage(), target)).result, result);
    assert.deepEqual((await convert(demoCompressed(), target)).result, result);
    assert.deepEqual((await convert(disk(), target, { partition: 2 })).result, result);
    assert.deepEqual((await convert(demoVolume(), target, { holes: true })).result, result);
  });
}

for (const target of ["raw", ...DISKS]) {
  test(`${target}, with every partition table`, async () => {
    for (const table of ["gpt", "mbr", "none"]) {
      const result = await digestOfFile(expected(target, demoVolume(), `--disk=${table}`));
      assert.deepEqual((await convert(demoVolume(), target, { disk: table })).result, result, table);
    }
  });
}

for (const table of ["gpt", "mbr", "none"]) {
  test(`vmdk, with the partition table ${table}`, async () => {
    const image = await open(demoVolume());
    const output = join(folder, `made-${table}.vmdk`);
    const onSize = () => assert.fail("its size is known in the end");
    await pipeline(image.convert("vmdk", { disk: table, onSize }), createWriteStream(output));
    await image.close();
    const partition = table === "none" ? [] : ["--partition=1"];
    const result = await digestOfFile(expected("raw", output, ...partition));
    const other = expected("vmdk", demoVolume(), `--disk=${table}`);
    assert.deepEqual(await digestOfFile(expected("raw", other, ...partition)), result);
  });
}

test("qemu-img finds nothing wrong", { skip: !qemuImg && "qemu-img is missing" }, () => {
  for (const [target, format] of [["qcow2", "qcow2"], ["vdi", "vdi"], ["vhdx", "vhdx"], ["vmdk", "vmdk"]]) {
    const output = join(folder, `checked.${target}`);
    execFileSync(process.execPath, [cli, "convert", "-o", output, demoImage()]);
    execFileSync(qemuImg, ["check", "-f", format, output]);
  }
});

test("what is free in a disk of all bytes is a hole", async () => {
  const image = await open(demoVolume());
  let [data, holes] = [0, 0];
  for await (const piece of image.convert("vhd-fixed", { holes: true })) {
    data += piece.length ?? 0;
    holes += piece.hole ?? 0;
  }
  assert.ok(holes > data, `${holes}, ${data}`);
  await image.close();
});

test("the small program leaves holes in a file", () => {
  const output = join(folder, "holes.vhd");
  rmSync(output, { force: true });
  execFileSync(process.execPath, [cli, "convert", "--to=vhd-fixed", "-o", output, demoImage()]);
  const { size, blocks } = statSync(output);
  assert.ok(512 * blocks < size / 2, `${512 * blocks} of ${size} bytes are stored`);
});

test("what is compressed has no size before it is done", async () => {
  const { size } = await convert(demoVolume(), "vhdx", { compress: true });
  assert.equal(size, undefined);
});

test("what cannot be made is refused", async () => {
  const image = await open(demoVolume());
  const refused = (...args) => assert.throws(() => image.convert(...args), { code: "target" });
  refused("vmdk2");
  refused("vhdx", { disk: "apm" });
  refused("partclone", { disk: "gpt" });
  refused("metadata", { disk: "mbr" });
  await image.close();
});

test("the small program takes the format from the name of the output", async () => {
  const run = (...args) => spawnSync(process.execPath, [cli, "convert", ...args], { encoding: "utf8" });
  for (const [name, target, ...options] of [
    ["by-name.vhdx", "vhdx"],
    ["by-name.PARTCLONE", "partclone"],
    ["with-mbr.qcow2", "qcow2", "--disk=mbr"],
    ["by-option.img", "vdi", "--to=vdi"],
    ["sda1.ntfs-ptcl-img", "partclone"],
    ["fixed.vhd-fixed", "vhd-fixed"],
    ["other.img", "raw"],
  ]) {
    const output = join(folder, name);
    assert.equal(run("-o", output, ...options, demoImage()).stderr, "");
    const given = options.filter((option) => option.startsWith("--disk"));
    assert.deepEqual(await digestOfFile(output), await digestOfFile(expected(target, demoImage(), ...given)), name);
  }
  assert.equal(run("-o", join(folder, "x"), "--disk=apm", demoImage()).status, 2);
  // Its content would not be what its name says.
  assert.equal(run("-o", join(folder, "x.vhdx.zst"), demoImage()).status, 2);
  assert.equal(run("-o", join(folder, "x.vhdx.zst"), "--compress=3", demoImage()).status, 0);
});

test("in another size, of every source", async () => {
  const image = await open(demoVolume());
  const limits = await image.resizeLimits();
  await image.close();
  assert.deepEqual(limits.losses, []);
  assert.equal(limits.size, statSync(demoVolume()).size);
  assert.ok(limits.least_size < limits.size);
  for (const [size, option] of [["min", "min"], [3 * limits.size, `${3 * limits.size}B`]]) {
    for (const target of ["raw", "ntfsclone", "partclone", "vhdx"]) {
      const result = await digestOfFile(expected(target, demoVolume(), `--size=${option}`));
      let resized;
      const onResized = (changes) => (resized = changes);
      for (const source of [demoVolume(), demoImage(), demoCompressed()]) {
        assert.deepEqual((await convert(source, target, { size, onResized })).result, result, `${target} of ${source}`);
        assert.equal(resized.size, size === "min" ? limits.least_size : size);
        assert.equal(resized.old_size, limits.size);
      }
    }
  }
});

test("a size that is too small, or of metadata, is refused", async () => {
  const image = await open(demoVolume());
  const { least_size } = await image.resizeLimits();
  for (const [target, size, code] of [["raw", least_size - 512, "target"], ["raw", 0, "target"], ["metadata", "min", "target"], ["raw", 1.5, "argument"]]) {
    await assert.rejects(async () => digest(image.convert(target, { size })), { code }, `${target} ${size}`);
  }
  await image.close();
});
