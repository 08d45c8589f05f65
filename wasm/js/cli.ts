#!/usr/bin/env node
import { extname } from "node:path";
import { parseArgs } from "node:util";
import { NtfscloneError, formats, open as openImage, openDisk, type ConvertOptions, type Disk, type Image, type OpenOptions, type Target } from "./node.js";
import { Interrupted, writeNewFile, type Piece } from "./new-file.js";

const DESCRIPTIONS: Record<Target, string> = {
  raw: "the volume",
  ntfsclone: "image of ntfsclone",
  metadata: "the same, without the content of files",
  partclone: "image of partclone, as Clonezilla has them",
  qcow2: "disk of QEMU, KVM, Proxmox",
  vdi: "disk of VirtualBox",
  vhd: "disk of old Hyper-V and Virtual PC, up to 2040 GiB",
  "vhd-fixed": "disk of Azure: all bytes, also the free ones",
  vhdx: "disk of Hyper-V; Windows mounts it",
  vmdk: "disk of VMware, compressed: to be imported",
};

const HELP = `Looks into, checks and converts images of ntfsclone and NTFS volumes.

  ntfsclone info FILE                        what it is, as JSON
  ntfsclone verify [--json] FILE             whether it is sound
  ntfsclone convert [--to FORMAT] [--disk TABLE] [--compress LEVEL] [--force] -o OUTPUT FILE

OUTPUT must not exist; - is standard output. FILE may be an http address whose server sends parts. Without --to, FORMAT is
what the name of OUTPUT ends in, or raw:

${Object.entries(DESCRIPTIONS)
  .map(([format, what]) => `  ${format.padEnd(20)}${what}`)
  .join("\n")}

  --disk TABLE        partition table of a new disk: gpt, mbr or none; gpt for virtual disks, none for raw
  --partition N       of a whole disk, which partition; without it, info takes the only one with NTFS, and convert makes
                      a whole disk of it
  --compress LEVEL    with zstd, 1 to 22
  --force             a volume that is marked dirty, too

The exit status is 0 if all went well and what was verified is sound, 1 if not, 2 of wrong usage.
The full program, which also saves and restores devices: the crate ntfsclone.
`;

class UsageError extends Error {}

async function main(): Promise<number> {
  const { values, positionals } = parse();
  const [command, file, ...more] = positionals;
  if (values.help || command === undefined) {
    process.stdout.write(HELP);
    return values.help ? 0 : 2;
  }
  if (file === undefined || more.length > 0) {
    throw new UsageError(`${command} needs one FILE`);
  }
  // To look, the only partition with NTFS is taken if none is named; what is verified or converted is named.
  const unnamed = command === "info" ? undefined : null;
  // Nothing else is to go on meanwhile.
  const options: OpenOptions = { sync: true, partition: values.partition === undefined ? unnamed : whole(values.partition) };
  const source = /^https?:\/\//.test(file) ? new URL(file) : file;
  if (command === "convert") {
    return withClosed(await openToConvert(source, options, values), (opened) => convert(opened, values));
  }
  const run = { info, verify }[command];
  if (!run) {
    throw new UsageError(`there is no command ${command}`);
  }
  return withClosed(await openImage(source, options), (image) => run(image, values));
}

async function withClosed<T extends { close(): Promise<void> }>(opened: T, run: (opened: T) => Promise<number>): Promise<number> {
  try {
    return await run(opened);
  } finally {
    await opened.close();
  }
}

/** An image, volume or whole disk. */
interface Convertible {
  convert(target: Target, options: ConvertOptions): unknown;
  close(): Promise<void>;
}

/** A disk of which no partition is named is converted as a whole, with its own partition table. */
async function openToConvert(source: string | URL, options: OpenOptions, { disk }: Values): Promise<Convertible> {
  try {
    return await openImage(source, options);
  } catch (error) {
    if (error instanceof NtfscloneError && error.code === "disk" && disk === undefined) {
      const { partition: _, ...ofDisk } = options;
      return openDisk(source, ofDisk);
    }
    throw error;
  }
}

type Values = ReturnType<typeof parse>["values"];

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        compress: { type: "string" },
        disk: { type: "string" },
        force: { type: "boolean" },
        help: { type: "boolean", short: "h" },
        json: { type: "boolean" },
        output: { type: "string", short: "o" },
        partition: { type: "string" },
        to: { type: "string" },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function whole(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) {
    throw new UsageError(`${text} is no number`);
  }
  return Number(text);
}

async function info(image: Image): Promise<number> {
  process.stdout.write(JSON.stringify(image.info(), undefined, 2) + "\n");
  return 0;
}

async function verify(image: Image, values: Values): Promise<number> {
  const report = await image.validate();
  if (values.json) {
    process.stdout.write(JSON.stringify(report, undefined, 2) + "\n");
  } else {
    for (const { severity, message, meaning, advice } of report.findings) {
      process.stdout.write(`${severity}: ${message}\n  ${meaning}; ${advice}\n`);
    }
    process.stdout.write(report.sound ? "sound\n" : `not sound; ${report.errors} errors\n`);
  }
  return report.sound ? 0 : 1;
}

async function convert(opened: Convertible, values: Values): Promise<number> {
  const { output, disk, compress, force } = values;
  if (output === undefined) {
    throw new UsageError("convert needs -o OUTPUT");
  }
  const to = values.to ?? formatOf(output);
  if (!isTarget(to)) {
    throw new UsageError(`there is no format ${to}`);
  }
  if (!isDisk(disk)) {
    throw new UsageError(`there is no partition table ${disk}`);
  }
  if (compress === undefined && withoutCompression(output) !== output) {
    throw new UsageError(`${output} is the name of a compressed file: give --compress LEVEL, or another name`);
  }
  const options = { disk, compress: compress === undefined ? false : whole(compress), force, reuse: true };
  if (output === "-") {
    for await (const piece of opened.convert(to, options) as AsyncIterable<Uint8Array>) {
      await toStdout(piece);
    }
  } else {
    await writeNewFile(output, (signal) => opened.convert(to, { ...options, holes: true, signal }) as AsyncIterable<Piece>);
  }
  return 0;
}

function toStdout(piece: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(piece, (error) => (error ? reject(error) : resolve()));
  });
}

/** By the ending of its name, before that of a compressed file. */
function formatOf(output: string): Target {
  const ending = extname(withoutCompression(output)).slice(1).toLowerCase();
  const targets = Object.keys(formats) as Target[];
  return targets.find((target) => target === ending || formats[target].extensions.includes(ending)) ?? "raw";
}

function withoutCompression(output: string): string {
  return output.replace(/\.zst$/i, "");
}

function isTarget(text: string): text is Target {
  return Object.hasOwn(formats, text);
}

function isDisk(text: string | undefined): text is Disk | undefined {
  return text === undefined || ["gpt", "mbr", "none"].includes(text);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`ntfsclone: ${error.message}\n\n${HELP}`);
    process.exitCode = 2;
  } else if (error instanceof Interrupted) {
    process.kill(process.pid, error.signal);
  } else {
    const isExpected = error instanceof NtfscloneError || (error as NodeJS.ErrnoException).code !== undefined;
    process.stderr.write(`ntfsclone: ${isExpected ? (error as Error).message : (error as Error).stack}\n`);
    process.exitCode = 1;
  }
}
