// Every level compresses, in frames of every length: parts of libzstd are left out of the package.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { open } from "../pkg/js/node.js";
import { collect, digest } from "./support/content.js";
import { demoImage, emptyVolume, mkntfs, ntfsclone, scratch } from "./support/fixtures.js";

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

test("what is compressed twice is the same, if the time is left out, and tells no path", async () => {
  const image = await open(demoImage());
  const told = async (options) => {
    const bytes = await collect(image.convert("ntfsclone", { compress: 1, ...options }));
    const made = await open(bytes);
    const facts = made.info().made;
    await made.close();
    return { bytes, facts };
  };
  const options = { time: null, source: null, note: "mine" };
  const [first, second] = [await told(options), await told(options)];
  assert.ok(first.bytes.equals(second.bytes));
  assert.deepEqual([first.facts.time, first.facts.source, first.facts.note], [undefined, undefined, "mine"]);
  const { facts } = await told({ time: new Date(0), source: "a name" });
  assert.deepEqual([facts.time, facts.source, facts.note], ["1970-01-01T00:00:00.000Z", "a name", undefined]);
  const asItWas = await told({});
  assert.equal(asItWas.facts.source, demoImage());
  assert.ok(Math.abs(Date.parse(asItWas.facts.time) - Date.now()) < 60_000);
  for (const wrong of [{ time: 5 }, { time: new Date(NaN) }, { note: 5 }, { source: 5 }]) {
    assert.throws(() => image.convert("raw", { compress: 1, ...wrong }), { code: "argument" });
  }
  await image.close();
});
