// Every level compresses, in frames of every length: parts of libzstd are left out of the package.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { open } from "../pkg/js/node.js";
import { digest } from "./support/content.js";
import { emptyVolume, mkntfs, ntfsclone, scratch } from "./support/fixtures.js";

const folder = scratch("compression");

/** A volume with a file of 18 MiB, noise and text by turns: several frames of what is to be searched for matches. */
function volume() {
  const content = Buffer.alloc(18 << 20);
  const turn = 64 << 10;
  for (let at = 0; at < content.length; at += turn) {
    const text = Buffer.from(`what stands at ${at} may be anything, this text too\n`.repeat(1500));
    (at % (3 * turn) === 0 ? randomBytes(turn) : text).copy(content, at, 0, turn);
  }
  const [file, path] = [join(folder, "content.bin"), join(folder, "volume.ntfs")];
  writeFileSync(file, content);
  copyFileSync(emptyVolume("compression.ntfs", 40 << 20, 4096), path);
  execFileSync("ntfscp", ["-q", path, file, "content.bin"], { stdio: "ignore", env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } });
  return path;
}

test("all levels", { skip: mkntfs ? false : "mkntfs is missing" }, async () => {
  const image = await open(volume());
  const expected = await digest(image.convert("ntfsclone"));
  const path = join(folder, "compressed.img.zst");
  const sizes = [];
  for (let level = 1; level <= 22; level += 1) {
    const pieces = [];
    for await (const piece of image.convert("ntfsclone", { compress: level })) {
      pieces.push(piece);
    }
    const bytes = Buffer.concat(pieces);
    sizes.push(bytes.length);
    const again = await open(bytes);
    assert.deepEqual(await digest(again.convert("ntfsclone")), expected, `level ${level}`);
    await again.close();
    if (level % 7 === 1) {
      writeFileSync(path, bytes);
      assert.equal(JSON.parse(ntfsclone("verify", "--json", path)).sound, true, `level ${level}`);
    }
  }
  assert.ok(expected.length > 18 << 20 && Math.max(...sizes) < expected.length / 2, `${sizes}`);
  await image.close();
});
