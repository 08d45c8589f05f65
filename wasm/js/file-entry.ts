import type { ListedFile, ListedStream } from "./documents.js";

/** What a file is. Junctions are links, too. What else there may be is read as a file or listed as a directory. */
export type FileKind = ListedFile["kind"];

/** A path, or an entry of a list: that is found by its record, also if its name could be no part of a path. */
export type FileTarget = string | FileEntry;

/** 100 ns from 1601 to 1970. */
const TICKS_TO_1970 = 116_444_736_000_000_000n;

/**
 * A file or directory, by one of its names: a file has an entry for each hard link. Whatever the volume tells is
 * untrusted: `name` may hold markup, control characters, or be `..`; see the README before you write to a path made of it.
 */
export class FileEntry {
  /** The name; empty of the root directory. An unpaired surrogate, such as 0xD800, is U+FFFD and its digits, `�d800`. */
  readonly name: string;
  /** The path from the root directory on, with `/` before each name. */
  readonly path: string;
  readonly kind: FileKind;
  /** Bytes of the content; 0 of a directory. */
  readonly size: number;
  /** When the content was changed last; null if the volume has no such time. */
  readonly mtime: Date | null;
  /** When it was created. */
  readonly birthtime: Date | null;
  /** When anything about it was changed last. */
  readonly ctime: Date | null;
  /** When it was last accessed. Windows does not always keep it. */
  readonly atime: Date | null;
  /** Its named streams. Read one with the option `stream`, or a path such as `/a.txt:name`. */
  readonly streams: readonly ListedStream[];
  /** The number of its record: the same for all names of a file, until the file is deleted. */
  readonly record: number;
  /** The number of its names, without short ones. */
  readonly links: number;
  /** The 8.3 name, if there is another one. */
  readonly shortName: string | null;
  /** The DOS attributes ([MS-FSCC] 2.6): 1 is read-only, 2 hidden, 4 system, 0x20 archive. */
  readonly attributes: number;
  /** Bytes of the clusters that its content has; 0 if that is in the record. */
  readonly allocated: number;
  /** Where a link leads, as the link has it: `C:\Users`, `..\file`. Untrusted. */
  readonly target: string | null;
  /** What the reparse point makes of it: `symlink`, `junction`, `wof`, `dedup`, `cloud`, or a tag such as `0x8000001b`. */
  readonly reparse: string | null;
  /** The stream that it is of, if `stat` was given a path with one: `size` and `allocated` are then those of the stream. */
  readonly stream: string | null;
  /** Whether it is one of the file system's own files, such as `$MFT`. */
  readonly isSystem: boolean;
  /** Whether its record cannot be read: this is then what the directory knows of it, which may be outdated. */
  readonly isDamaged: boolean;
  readonly #times: readonly (bigint | null)[];

  /** @internal */
  constructor(listed: ListedFile) {
    this.name = listed.name;
    this.path = listed.path;
    this.kind = listed.kind;
    this.size = listed.size;
    this.#times = listed.times.map(nanoseconds);
    const [birthtime, mtime, ctime, atime] = this.#times.map(date);
    this.mtime = mtime!;
    this.birthtime = birthtime!;
    this.ctime = ctime!;
    this.atime = atime!;
    this.streams = listed.streams;
    this.record = listed.record;
    this.links = listed.links;
    this.shortName = listed.short_name;
    this.attributes = listed.attributes;
    this.allocated = listed.allocated;
    this.target = listed.target;
    this.reparse = listed.reparse;
    this.stream = listed.stream;
    this.isSystem = listed.is_system;
    this.isDamaged = listed.is_damaged;
  }

  /** `mtime` in nanoseconds since 1970, exactly: NTFS counts 100 ns. */
  get mtimeNs(): bigint | null {
    return this.#times[1]!;
  }

  /** `birthtime` in nanoseconds since 1970. */
  get birthtimeNs(): bigint | null {
    return this.#times[0]!;
  }

  /** `ctime` in nanoseconds since 1970. */
  get ctimeNs(): bigint | null {
    return this.#times[2]!;
  }

  /** `atime` in nanoseconds since 1970. */
  get atimeNs(): bigint | null {
    return this.#times[3]!;
  }

  /** The path of the directory that it is in. */
  get parentPath(): string {
    return this.path.slice(0, Math.max(1, this.path.length - this.name.length - 1));
  }

  isFile(): boolean {
    return this.kind === "file";
  }

  isDirectory(): boolean {
    return this.kind === "directory";
  }

  /** Of a symbolic link, also one of Linux, and of a junction. */
  isSymbolicLink(): boolean {
    return this.kind === "symlink";
  }
}

/** Since 1970; null of 0, which is written where there is no time. */
function nanoseconds(ticks: string): bigint | null {
  const since1601 = BigInt(ticks);
  return since1601 === 0n ? null : (since1601 - TICKS_TO_1970) * 100n;
}

/** Rounded down, as `node:fs` does it. */
function date(time: bigint | null): Date | null {
  if (time === null) {
    return null;
  }
  const milliseconds = time / 1_000_000n;
  return new Date(Number(milliseconds * 1_000_000n > time ? milliseconds - 1n : milliseconds));
}
