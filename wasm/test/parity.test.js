// The same as the command-line tool, byte for byte.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { open } from "../pkg/js/node.js";
import { digest, digestOfFile } from "./support/content.js";
import * as fixtures from "./support/fixtures.js";
import { demoRestored, ntfsclone, ntfscloneMayFail, scratch } from "./support/fixtures.js";

const folder = scratch("parity");
const MIB = 1 << 20;

const sound = {
  volume: fixtures.demoVolume,
  image: fixtures.demoImage,
  "compressed image": fixtures.demoCompressed,
  "compressed volume": fixtures.demoVolumeCompressed,
  "metadata image": fixtures.demoMetadata,
};
if (fixtures.mkntfs) {
  for (const [clusterSize, size] of [[512, 20 * MIB], [4096, 100 * MIB], [65536, 300 * MIB]]) {
    sound[`volume with clusters of ${clusterSize}`] = () =>
      fixtures.emptyVolume(`empty-${clusterSize}.ntfs`, size + 512, clusterSize);
  }
}
const damaged = {
  "cut image": fixtures.cutImage,
  "damaged compressed image": fixtures.damagedCompressed,
  "damaged volume": fixtures.damagedVolume,
};

const asPrinted = (value) => JSON.stringify(value, undefined, 2) + "\n";

for (const [kind, fixture] of Object.entries({ ...sound, ...damaged })) {
  test(`info and validate: ${kind}`, async () => {
    const path = fixture();
    const image = await open(path);
    assert.equal(asPrinted(image.info()), ntfscloneMayFail("info", "--json", path));
    assert.equal(asPrinted(await image.validate()), ntfscloneMayFail("verify", "--json", path));
    await image.close();
  });
}

for (const [kind, fixture] of Object.entries(sound)) {
  const isImage = kind.includes("image");
  test(`convert to raw: ${kind}`, async () => {
    const path = fixture();
    const output = join(folder, `${kind}.raw`);
    ntfsclone(...(isImage || kind === "compressed volume" ? ["-q", "-r"] : ["-q"]), "-o", output, path);
    const image = await open(path);
    const expected = await digestOfFile(output);
    assert.deepEqual(await digest(image.convert("raw")), expected);
    assert.deepEqual(await digest(image.convert("raw", { holes: true })), expected);
    await image.close();
  });
}

for (const [target, options] of [["ntfsclone", "-s"], ["metadata", "-ms"]]) {
  for (const [kind, fixture] of Object.entries(sound)) {
    if (kind.includes("metadata")) {
      continue;
    }
    test(`convert to ${target}: ${kind}`, async () => {
      // The command-line tool does not save what is in an image: the volume in it stands for it.
      const volume = kind.includes("image") || kind.includes("compressed") ? fixtures.demoVolume() : fixture();
      const output = join(folder, `${kind}.${target}`);
      ntfsclone("-q", options, "-o", output, volume);
      const image = await open(fixture());
      assert.deepEqual(await digest(image.convert(target)), await digestOfFile(output));
      await image.close();
    });
  }
}

test("remains are what a metadata image holds, as the command-line tool tells", async () => {
  const volume = fixtures.demoVolume();
  const output = join(folder, "remains.img");
  const told = ntfsclone("-m", "-s", "-o", output, volume);
  const count = (pattern) => Number(told.match(pattern)?.[1] ?? 0);
  const expected = {
    image_size: statSync(output).size,
    sensitive: {
      file_names: count(/(\d+) file names?/),
      stream_names: count(/(\d+) names? of streams/),
      labels: count(/(\d+) volume labels?/),
      security_descriptors: count(/(\d+) security descriptors? of (?:a )?single/),
      shared_security_bytes: count(/(\d+) bytes? of security/),
      extended_attributes: count(/(\d+) extended/),
      object_ids: count(/(\d+) object/),
      reparse_points: count(/(\d+) targets?/),
      utility_streams: count(/(\d+) EFS/),
      log_file_bytes: count(/(\d+) bytes? of \$LogFile/),
    },
    wiped: {
      slack: count(/slack of records (\d+)/),
      deleted: count(/deleted records (\d+)/),
      resident_data: count(/small files (\d+)/),
      times: count(/times (\d+)\)/),
    },
    damaged_records: 0,
  };
  assert.ok(expected.sensitive.file_names > 100 && expected.wiped.times > 1000);
  for (const path of [volume, fixtures.demoImage(), fixtures.demoCompressed()]) {
    const image = await open(path);
    const progress = [];
    const remains = await image.remains({ onProgress: (report) => progress.push(report) });
    assert.deepEqual(remains, expected);
    const { done, total } = progress.at(-1);
    assert.ok(done === total && total > 0);
    await image.close();
  }
});

test("compressed conversions are read by the command-line tool and by zstd", async () => {
  const image = await open(fixtures.demoVolume());
  for (const target of ["raw", "ntfsclone"]) {
    const compressed = join(folder, `compressed.${target}.zst`);
    const chunks = [];
    for await (const chunk of image.convert(target, { compress: 1 })) {
      chunks.push(chunk);
    }
    writeFileSync(compressed, Buffer.concat(chunks));
    assert.equal(JSON.parse(ntfsclone("verify", "--json", compressed)).sound, true);
    assert.equal(JSON.parse(ntfsclone("info", "--json", compressed)).layers[0], "zstd, seekable");
    const restored = join(folder, `compressed.${target}.restored`);
    ntfsclone("-q", "-r", "-o", restored, compressed);
    assert.deepEqual(await digestOfFile(restored), await digestOfFile(fixtures.demoRestored()));
    if (existsSync("/usr/bin/zstd")) {
      const output = execFileSync("zstd", ["-dqc", compressed], { maxBuffer: 1 << 28 });
      assert.deepEqual(await digest([output]), await digest(image.convert(target)));
    }
    const again = await open(compressed);
    assert.equal((await again.validate()).sound, true);
    await again.close();
  }
  await image.close();
});

test("a partition of a disk", async () => {
  const path = fixtures.disk();
  const image = await open(path, { partition: 2 });
  assert.deepEqual(await digest(image.convert("raw")), await digestOfFile(fixtures.demoRestored()));
  assert.equal(image.info().volume.label, "Demo");
  assert.deepEqual(image.info().layers, ["partition 2"]);
  await image.close();
  await assert.rejects(open(path, { partition: 3 }), { code: "no-partition" });
  await assert.rejects(open(fixtures.demoVolume(), { partition: 1 }), { code: "no-partition" });
  await assert.rejects(open(path, { partition: null }), ({ code, partitions }) => {
    assert.equal(code, "disk");
    assert.deepEqual(partitions, [
      { number: 1, offset: 1 << 20, size: 1 << 20, isNtfs: false },
      { number: 2, offset: 2 << 20, size: 48 << 20, isNtfs: true },
    ]);
    return true;
  });
});

test("the only partition of a disk with NTFS is opened with a warning, and of several none is", async () => {
  const path = fixtures.disk();
  const image = await open(path);
  const { warnings, ...info } = image.info();
  assert.equal(warnings.length, 1);
  assert.match(warnings[0], /^partition 2 of the disk is opened, the only one with NTFS; name another partition, or open the disk/);
  const { warnings: _, ...expected } = JSON.parse(ntfsclone("info", "--json", "--partition", "2", path));
  assert.deepEqual(info, expected);
  assert.deepEqual(await digest(image.convert("raw")), await digestOfFile(fixtures.demoRestored()));
  await image.close();
  await assert.rejects(open(fixtures.diskOfTwo()), ({ code, partitions }) => code === "disk" && partitions.every(({ isNtfs }) => isNtfs));
});

test("a partition of a disk whose table is damaged", async () => {
  const path = fixtures.diskWithDamagedTable();
  const image = await open(path, { partition: 1 });
  const { source: _, ...info } = image.info();
  assert.deepEqual(info.warnings, ["the partition table is damaged; its backup at the end of the disk is used"]);
  const { source: __, ...expected } = JSON.parse(ntfsclone("info", "--json", "--partition", "1", path));
  assert.deepEqual(info, expected);
  await image.close();
});

test("numbers that no partition has", async () => {
  for (const partition of [-1, 1.5, NaN, 2 ** 32, "1"]) {
    await assert.rejects(open(fixtures.disk(), { partition }), { code: "argument" }, `${partition}`);
  }
});

test("extents are what `map` lists", async () => {
  const path = fixtures.demoVolume();
  const { cluster_size, areas } = JSON.parse(ntfsclone("map", "--format", "json", path));
  const image = await open(path);
  const extents = await image.extents();
  const { size } = image.info().volume;
  const expected = areas
    // The backup boot sector is no cluster.
    .map(({ offset, length }) => ({ offset, length: Math.min(length, Math.floor(size / cluster_size) * cluster_size - offset) }))
    .filter(({ length }) => length > 0)
    .map(({ offset, length }) => ({ lcn: offset / cluster_size, length: length / cluster_size, offset }));
  assert.deepEqual(extents, expected);
  await image.close();
});

test("extents of an image lead to the same content", async () => {
  const image = await open(fixtures.demoImage());
  const { readFileSync } = await import("node:fs");
  const [stream, volume] = [readFileSync(fixtures.demoImage()), readFileSync(fixtures.demoVolume())];
  const size = image.info().volume.cluster_size;
  const extents = await image.extents();
  assert.equal(extents.reduce((sum, { length }) => sum + length, 0), image.info().image.clusters_in_use);
  for (const { lcn, length, offset } of extents) {
    for (let index = 0; index < length; index += 1) {
      const at = offset + index * (1 + size) + 1;
      const cluster = (lcn + index) * size;
      assert.ok(stream.subarray(at, at + size).equals(volume.subarray(cluster, cluster + size)), `lcn ${lcn + index}`);
    }
  }
  await image.close();
});
