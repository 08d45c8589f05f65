// Volumes and images to read: made by the command-line tool, from the volume that comes with it and by mkntfs.

import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";

const checkout = fileURLToPath(new URL("../../../", import.meta.url));

/** The command-line tool, which is the oracle. */
export const program = process.env.NTFSCLONE_BIN ?? join(checkout, "target/release/ntfsclone");
export const tarball = process.env.NTFSCLONE_TARBALL ?? join(checkout, "target/npm/ntfsclone.tgz");
export const browser = process.env.NTFSCLONE_BROWSER;
const folder = process.env.NTFSCLONE_TEST_FOLDER ?? join(checkout, "target/npm/tests");

/** Runs the command-line tool; what it prints on standard output. */
export function ntfsclone(...args) {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1 << 28 });
}

/** The same, whatever its exit status. */
export function ntfscloneMayFail(...args) {
  return spawnSync(program, args, { encoding: "utf8", maxBuffer: 1 << 28 }).stdout;
}

/** A folder of that test file's own: they run side by side. */
export function scratch(name) {
  const path = join(folder, name);
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  return path;
}

/** Makes `path` by that function, unless it is there. Nobody sees a half of it. */
function once(path, make) {
  if (!existsSync(path)) {
    const unfinished = `${path}.${process.pid}`;
    make(unfinished);
    renameSync(unfinished, path);
  }
  return path;
}

function fixture(name, make) {
  const home = join(folder, "fixtures");
  mkdirSync(home, { recursive: true });
  return once(join(home, name), make);
}

/** A volume of 48 MiB with a bit of everything. */
export const demoVolume = () =>
  fixture("demo.ntfs", (path) => ntfsclone("-q", "-r", "-o", path, join(checkout, "native/demo/volume.ntfs.zst")));

/** An image of it. */
export const demoImage = () => fixture("demo.img", (path) => ntfsclone("-q", "-s", "-o", path, demoVolume()));

/** What the image is restored to: the volume without what nothing uses. */
export const demoRestored = () => fixture("demo.raw", (path) => ntfsclone("-q", "-r", "-o", path, demoImage()));

/** The same image, compressed so that any part can be read. */
export const demoCompressed = () =>
  fixture("demo.img.zst", (path) => ntfsclone("-q", "-s", "--compress=3", "--note", "A note", "-o", path, demoVolume()));

/** The volume itself, compressed so. */
export const demoVolumeCompressed = () =>
  fixture("demo.ntfs.zst", (path) => ntfsclone("-q", "--compress=3", "-o", path, demoVolume()));

/** Its metadata alone. */
export const demoMetadata = () =>
  fixture("demo-metadata.img", (path) => ntfsclone("-q", "-m", "-s", "-o", path, demoVolume()));

/** The image, cut short in the middle. */
export const cutImage = () =>
  fixture("cut.img", (path) => {
    copyFileSync(demoImage(), path);
    truncateSync(path, 3_000_001);
  });

/** The compressed volume with one byte changed, in a frame in the middle. */
export const damagedCompressed = () => damaged("damaged.ntfs.zst", demoVolumeCompressed(), 0.6);

/** The volume with its first records overwritten. */
export const damagedVolume = () =>
  fixture("damaged.ntfs", (path) => {
    const bytes = readFileSync(demoVolume());
    bytes.fill(0xa5, 5 * 4096, 12 * 4096);
    writeFileSync(path, bytes);
  });

function damaged(name, source, where) {
  return fixture(name, (path) => {
    const bytes = readFileSync(source);
    bytes[Math.floor(bytes.length * where)] ^= 0xff;
    writeFileSync(path, bytes);
  });
}

/** A disk with an MBR; the volume is its second partition. */
export const disk = () =>
  fixture("disk.raw", (path) => {
    const sector = 512;
    const volume = readFileSync(demoVolume());
    const partitions = [
      { type: 0x83, start: 2048, sectors: 2048 },
      { type: 0x07, start: 4096, sectors: volume.length / sector },
    ];
    const bytes = Buffer.alloc(4096 * sector + volume.length);
    partitions.forEach(({ type, start, sectors }, index) => {
      const entry = 446 + 16 * index;
      bytes[entry + 4] = type;
      bytes.writeUInt32LE(start, entry + 8);
      bytes.writeUInt32LE(sectors, entry + 12);
    });
    bytes.writeUInt16LE(0xaa55, 510);
    volume.copy(bytes, 4096 * sector);
    writeFileSync(path, bytes);
  });

/** The same, with an NTFS boot sector at the start of its first partition. */
export const diskOfTwo = () =>
  fixture("disk-of-two.raw", (path) => {
    const bytes = readFileSync(disk());
    bytes.copy(bytes, 2048 * 512, 4096 * 512, 4097 * 512);
    writeFileSync(path, bytes);
  });

/** The first of these disks as a virtual disk, as `qemu-img` makes it with these options. */
export const virtualDisk = (format, ...options) =>
  fixture(["disk", ...options.map((option) => option.replace(/^-+|[^\w]/g, "")), format].join("."), (path) => {
    execFileSync("qemu-img", ["convert", "-f", "raw", "-O", format, ...options, disk(), path], { stdio: "pipe" });
  });

export const qemuImg = ["/usr/bin/qemu-img", "/usr/local/bin/qemu-img"].find((path) => existsSync(path));

/** A disk with a GPT, of which the first copy is damaged; the volume is its only partition. */
export const diskWithDamagedTable = () =>
  fixture("damaged-table.raw", (path) => {
    const sector = 512;
    const start = 2048;
    const volume = readFileSync(demoVolume());
    const bytes = Buffer.alloc((start + 33) * sector + volume.length);
    volume.copy(bytes, start * sector);
    const last = bytes.length / sector - 1;
    // The protective MBR.
    bytes[450] = 0xee;
    bytes.writeUInt32LE(1, 454);
    bytes.writeUInt32LE(last, 458);
    bytes.writeUInt16LE(0xaa55, 510);
    const entries = Buffer.alloc(128 * 128);
    entries.fill(0xa5, 0, 32);
    entries.writeBigUInt64LE(BigInt(start), 32);
    entries.writeBigUInt64LE(BigInt(last - 33), 40);
    for (const [at, other, table] of [
      [1, last, 2],
      [last, 1, last - 32],
    ]) {
      const header = Buffer.alloc(92);
      header.write("EFI PART\0\0\x01\0\x5c", "latin1");
      header.writeBigUInt64LE(BigInt(at), 24);
      header.writeBigUInt64LE(BigInt(other), 32);
      header.writeBigUInt64LE(BigInt(table), 72);
      header.writeUInt32LE(128, 80);
      header.writeUInt32LE(128, 84);
      header.writeUInt32LE(crc32(entries), 88);
      header.writeUInt32LE(crc32(header), 16);
      header.copy(bytes, at * sector);
      entries.copy(bytes, table * sector);
    }
    // A name, which only the checksum holds.
    bytes[2 * sector + 56] = 1;
    writeFileSync(path, bytes);
  });

export const mkntfs = ["/usr/sbin/mkntfs", "/sbin/mkntfs", "/usr/bin/mkntfs"].find((path) => existsSync(path));

/** A volume in a file, empty but for what mkntfs writes. */
export function emptyVolume(name, size, clusterSize) {
  return fixture(name, (path) => {
    writeFileSync(path, "");
    truncateSync(path, size);
    execFileSync(mkntfs, ["-Q", "-F", "-q", "-c", String(clusterSize), "-s", "512", "-p", "0", "-H", "0", "-S", "0", path], {
      stdio: "ignore",
    });
  });
}

/** A volume of 56 MiB with a file of 40 MiB, which compresses to two thirds: `content.bin`. */
export function noisyVolume() {
  return fixture("noisy.ntfs", (path) => {
    const [content, turn] = [Buffer.alloc(40 << 20), 64 << 10];
    for (let at = 0; at < content.length; at += turn) {
      const text = Buffer.from(`what stands at ${at} may be anything, this text too\n`.repeat(1500));
      (at % (3 * turn) === 0 ? text : randomBytes(turn)).copy(content, at, 0, turn);
    }
    copyFileSync(emptyVolume("noisy-empty.ntfs", 56 << 20, 4096), path);
    const file = `${path}.content`;
    writeFileSync(file, content);
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
    execFileSync("ntfscp", ["-q", path, file, "content.bin"], { stdio: "ignore", env });
    rmSync(file);
  });
}

/** A volume with a file of that many MiB that does not compress, and half as much free space. */
export function fullVolume(mib = 400) {
  return fixture(`full-${mib}.ntfs`, (path) => {
    renameSync(emptyVolume(`full-${mib}-empty.ntfs`, (mib * 3 * 2 ** 20) / 2, 4096), path);
    const content = join(scratch("full"), "random");
    writeFileSync(content, randomBytes(mib << 20));
    execFileSync("ntfscp", ["-q", path, content, "/random"]);
    rmSync(content);
  });
}

/** An image of it. */
export const fullImage = (mib) => fixture(`full-${mib}.img`, (path) => ntfsclone("-q", "-s", "-o", path, fullVolume(mib)));
