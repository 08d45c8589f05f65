// Virtual disks in several files: the same as the disk that they were made of.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, openAsBlob, readFileSync, renameSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { open, openDisk } from "../pkg/js/node.js";
import { digest, digestOfFile } from "./support/content.js";
import { disk, ntfsclone, qemuImg, scratch } from "./support/fixtures.js";

const skip = !qemuImg && "qemu-img is missing";
const ewfacquire = ["/usr/bin/ewfacquire", "/usr/local/bin/ewfacquire"].find((path) => existsSync(path));
const partition = 2;
const folder = scratch("several-files");

function folderFor(name) {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
}

/** Makes the files of a disk in a folder; returns their paths, the one that refers to the others first. */
const makers = {
  "VMDK with a flat extent"(folder) {
    const path = join(folder, "disk.vmdk");
    execFileSync(qemuImg, ["convert", "-O", "vmdk", "-o", "subformat=monolithicFlat", disk(), path]);
    return [path, join(folder, "disk-flat.vmdk")];
  },
  "VMDK with two extents"(folder) {
    const bytes = readFileSync(disk());
    const [first, second] = [bytes.subarray(0, 5 << 20), bytes.subarray(5 << 20)];
    const line = ({ length }, number) => `RW ${length / 512} FLAT "disk-f00${number}.vmdk" 0`;
    const lines = ["# Disk DescriptorFile", "version=1", "CID=fffffffe", "parentCID=ffffffff", 'createType="twoGbMaxExtentFlat"', line(first, 1), line(second, 2)];
    const [path, ...extents] = ["disk.vmdk", "disk-f001.vmdk", "disk-f002.vmdk"].map((name) => join(folder, name));
    writeFileSync(path, lines.join("\n"));
    [first, second].forEach((bytes, index) => writeFileSync(extents[index], bytes));
    return [path, ...extents];
  },
  "qcow2 with backing files"(folder) {
    const [top, middle, base] = ["top.qcow2", "middle.qcow2", "base.raw"].map((name) => join(folder, name));
    writeFileSync(base, readFileSync(disk()));
    execFileSync(qemuImg, ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", "base.raw", middle]);
    execFileSync(qemuImg, ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", "middle.qcow2", top]);
    return [top, middle, base];
  },
  ...(ewfacquire && {
    "E01 in segments"(folder) {
      const target = join(folder, "disk");
      // The content does not compress into one segment of 2 MiB.
      execFileSync(ewfacquire, ["-u", "-q", "-c", "deflate:none", "-S", "2097152", "-t", target, disk()], { stdio: "ignore" });
      const names = Array.from({ length: 99 }, (_, index) => `${target}.E${String(index + 1).padStart(2, "0")}`);
      return names.filter((name) => existsSync(name));
    },
  }),
};

async function contentOf(source) {
  const image = await open(source, { partition });
  const result = await digest(image.convert("raw"));
  await image.close();
  return result;
}

for (const [what, make] of Object.entries(makers)) {
  test(`${what}: found among the files that are given, in any order`, { skip }, async () => {
    const files = make(folderFor(`given ${what}`));
    assert.ok(files.length > 1);
    const expected = await contentOf(disk());
    assert.deepEqual(await contentOf(files), expected);
    assert.deepEqual(await contentOf([...files].reverse()), expected);
    // As a browser has them: without folders.
    const blobs = await Promise.all(files.map(async (path) => new File([await openAsBlob(path)], basename(path))));
    assert.deepEqual(await contentOf(blobs.reverse()), expected);
    const sources = files.map((path) => {
      const bytes = readFileSync(path);
      return { name: basename(path).toUpperCase(), size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
    });
    assert.deepEqual(await contentOf(sources), expected);
  });

  test(`${what}: found beside the file that is named, and reported as by the program`, { skip }, async () => {
    const [path] = make(folderFor(`beside ${what}`));
    for (const sync of [false, true]) {
      const image = await open(path, { partition, sync });
      assert.equal(JSON.stringify(image.info(), undefined, 2) + "\n", ntfsclone("info", "--json", `--partition=${partition}`, path));
      await image.close();
    }
    const output = join(folder, `${what}.raw`);
    ntfsclone("convert", path, output);
    const whole = await openDisk(path);
    assert.deepEqual(await digest(whole.convert("raw")), await digestOfFile(output));
    await whole.close();
  });

  test(`${what}: what is not given is named`, { skip }, async () => {
    const files = make(folderFor(`without ${what}`));
    const lacking = files.at(-1);
    renameSync(lacking, `${lacking}.elsewhere`);
    const left = files.slice(0, -1);
    for (const given of [left, left[0], [...left].reverse()]) {
      await assert.rejects(open(given, { partition }), ({ code, file, message }) => {
        assert.equal(code, "needs-file", message);
        assert.equal(basename(file), basename(lacking));
        assert.match(message, new RegExp(`${basename(lacking)}.*open it together`));
        return true;
      });
    }
  });
}

test("a file is not looked for outside of the folder", { skip }, async () => {
  const [top, middle, base] = makers["qcow2 with backing files"](folderFor("outside"));
  renameSync(base, join(folder, "outside.raw"));
  symlinkSync(join(folder, "outside.raw"), base);
  await assert.rejects(open(top, { partition }), { code: "needs-file", file: "base.raw" });
  await assert.rejects(open(middle, { partition }), { code: "needs-file" });
});


test("files must have different names, and there must be one", async () => {
  const bytes = readFileSync(disk());
  await assert.rejects(open([bytes, bytes], { partition }), { code: "argument" });
  await assert.rejects(open([]), { code: "argument" });
});

test("a segment of E01 is cut short", { skip: skip || (!ewfacquire && "ewfacquire is missing") }, async () => {
  const files = makers["E01 in segments"](folderFor("cut"));
  truncateSync(files.at(-1), 1000);
  await assert.rejects(open(files, { partition }), ({ code }) => /^(read|corrupt|unsupported)$/.test(code));
});
