// A volume of more than 100 GB, with little memory.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { digestOfFile } from "./support/content.js";
import { emptyVolume, mkntfs, ntfsclone, scratch } from "./support/fixtures.js";

const GIB = 2 ** 30;

test("a sparse volume of 120 GiB in 256 MB", { skip: mkntfs ? false : "mkntfs is missing" }, async () => {
  const folder = scratch("large");
  const path = emptyVolume("large.ntfs", 120 * GIB, 4096);
  const image = join(folder, "large.img");
  ntfsclone("-q", "-s", "-o", image, path);
  const script = fileURLToPath(new URL("./support/large.js", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--max-old-space-size=256", script, path, image], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  const told = JSON.parse(stdout);
  assert.equal(told.volume.info, JSON.stringify(JSON.parse(ntfsclone("info", "--json", path))));
  assert.equal(told.volume.report, JSON.stringify(JSON.parse(ntfsclone("verify", "--json", path))));
  assert.equal(told.image.report, JSON.stringify(JSON.parse(ntfsclone("verify", "--json", image))));
  assert.deepEqual(told.volume.image, await digestOfFile(image));
  assert.equal(told.image.raw.length, 120 * GIB);
  assert.equal(told.volume.raw.length, 120 * GIB);
  assert.deepEqual(told.image.raw, told.volume.raw);
  assert.ok(told.bytesRead < 4 * statSync(image).size + (64 << 20), `${told.bytesRead} bytes were read`);
  assert.ok(told.wasmMemory < 64 << 20, `the module's memory: ${told.wasmMemory >> 20} MiB`);
  assert.ok(told.rss < 400 << 20, `all of the process: ${told.rss >> 20} MiB`);
});
