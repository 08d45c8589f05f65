import type { Holder, SurveyedFile } from "ntfsclone";
import type { Entry, Folder, Step } from "../../messages.js";
import { float64, Growing, uint8 } from "./growing.js";

/** The record of the root directory. */
const ROOT = 5;
const HOLDERS = ["mft", "system", "directory", "file", "bad"] as const satisfies readonly Holder[];
const DIRECTORY = HOLDERS.indexOf("directory");

/** Deeper, a path is told without its start. Windows has no paths of more than 32,767 characters. */
const MOST_LEVELS = 1024;

const byName = new Intl.Collator("en", { numeric: true });

/** Collects the files of a volume, in the order of their records. */
export class FileCollector {
  readonly #records = new Growing(float64);
  readonly #parents = new Growing(float64);
  readonly #sizes = new Growing(float64);
  readonly #clusters = new Growing(float64);
  readonly #holders = new Growing(uint8);
  readonly #names: (string | null)[] = [];

  add({ record, parent, name, holder, size, clusters }: SurveyedFile): void {
    this.#records.push(record);
    this.#parents.push(parent);
    this.#sizes.push(size);
    this.#clusters.push(clusters);
    this.#holders.push(HOLDERS.indexOf(holder));
    this.#names.push(name);
  }

  finish(clusterSize: number): FileTable {
    return new FileTable(
      {
        records: this.#records.take(),
        parents: this.#parents.take(),
        sizes: this.#sizes.take(),
        clusters: this.#clusters.take(),
        holders: this.#holders.take(),
        names: this.#names,
      },
      clusterSize,
    );
  }
}

/** Of each file one number in each column, at the same index: a volume may have millions. */
interface Columns {
  /** In order. */
  records: Float64Array;
  parents: Float64Array;
  sizes: Float64Array;
  clusters: Float64Array;
  holders: Uint8Array;
  names: (string | null)[];
}

/** All files of a volume by the folders they stand in. */
export class FileTable {
  readonly #columns: Columns;
  /** The index of the root; if it was not found, after all others. */
  readonly #root: number;
  /** Of each file, the index of the folder that it is in. */
  readonly #folders: Uint32Array;
  /** Bytes on the disk, of a folder with all that is in it. */
  readonly #rooms: Float64Array;
  /** How many files and folders are in it, at any depth. */
  readonly #inside: Uint32Array;
  /** What is in folder `i`: the entries from `#starts[i]` to before `#starts[i + 1]`. */
  readonly #starts: Uint32Array;
  readonly #entries: Uint32Array;
  /** Folders whose entries are in order: they are put in order when they are looked at. */
  readonly #isSorted = new Set<number>();

  constructor(columns: Columns, clusterSize: number) {
    const files = columns.records.length;
    this.#columns = columns;
    const root = indexOf(columns.records, ROOT);
    this.#root = root ?? files;
    const length = Math.max(files, this.#root + 1);
    this.#rooms = new Float64Array(length);
    columns.clusters.forEach((clusters, index) => (this.#rooms[index] = clusters * clusterSize));
    this.#inside = new Uint32Array(length);
    // What no folder has is shown in the root.
    this.#folders = new Uint32Array(length).fill(this.#root);
    for (let index = 0; index < files; index += 1) {
      const folder = indexOf(columns.records, columns.parents[index]!);
      this.#folders[index] = folder === undefined || folder === index ? this.#root : folder;
    }
    this.#add(length);
    this.#starts = new Uint32Array(length + 1);
    this.#entries = new Uint32Array(files);
    this.#place(length);
  }

  get length(): number {
    return this.#columns.records.length;
  }

  /** A folder, or what there is instead of it: the root. Some of what is in it, the largest first. */
  folder(record: number | null, from: number, length: number): Folder {
    const index = (record === null ? undefined : this.#find(record)) ?? this.#root;
    const [start, end] = [this.#starts[index]!, this.#starts[index + 1]!];
    const entries = this.#entries.subarray(start, end);
    if (!this.#isSorted.has(index)) {
      this.#isSorted.add(index);
      const { names } = this.#columns;
      entries.sort((a, b) => this.#rooms[b]! - this.#rooms[a]! || byName.compare(names[a] ?? "", names[b] ?? ""));
    }
    let roomInside = 0;
    for (const entry of entries) {
      roomInside += this.#rooms[entry]!;
    }
    return {
      path: this.#path(index),
      entry: this.#entry(index),
      entries: [...entries.subarray(from, from + length)].map((entry) => this.#entry(entry)),
      length: entries.length,
      roomInside,
    };
  }

  /** The folders on the way to a file, without the root, and itself; nothing if it is not known. */
  path(record: number): Step[] | undefined {
    const index = this.#find(record);
    return index === undefined ? undefined : this.#path(index);
  }

  /** A file, and which folder it is in. */
  file(record: number): { entry: Entry; path: Step[]; folder: number } | undefined {
    const index = this.#find(record);
    return index === undefined ? undefined : { entry: this.#entry(index), path: this.#path(index), folder: this.#recordAt(this.#folders[index]!) };
  }

  #find(record: number): number | undefined {
    return record === ROOT ? this.#root : indexOf(this.#columns.records, record);
  }

  #recordAt(index: number): number {
    return this.#columns.records[index] ?? ROOT;
  }

  #path(index: number): Step[] {
    const path: Step[] = [];
    for (let at = index; at !== this.#root && path.length < MOST_LEVELS; at = this.#folders[at]!) {
      path.push({ record: this.#recordAt(at), name: this.#columns.names[at] ?? null });
    }
    return path.reverse();
  }

  #entry(index: number): Entry {
    const { sizes, holders, names } = this.#columns;
    const holder = HOLDERS[holders[index] ?? DIRECTORY]!;
    const hasEntries = this.#starts[index + 1]! > this.#starts[index]!;
    return {
      record: this.#recordAt(index),
      name: names[index] ?? null,
      holder,
      isFolder: holder === "directory" || hasEntries,
      size: sizes[index] ?? 0,
      room: this.#rooms[index]!,
      inside: this.#inside[index]!,
    };
  }

  /** Adds each to the folders it is in, from the innermost on. */
  #add(length: number): void {
    const waitsFor = new Uint32Array(length);
    for (let index = 0; index < length; index += 1) {
      if (index !== this.#root) {
        const folder = this.#folders[index]!;
        waitsFor[folder] = waitsFor[folder]! + 1;
      }
    }
    const isAdded = new Uint8Array(length);
    isAdded[this.#root] = 1;
    const addFrom = (start: number) => {
      for (let index = start; isAdded[index] === 0 && waitsFor[index] === 0; ) {
        const folder = this.#folders[index]!;
        isAdded[index] = 1;
        this.#rooms[folder] = this.#rooms[folder]! + this.#rooms[index]!;
        this.#inside[folder] = this.#inside[folder]! + this.#inside[index]! + 1;
        waitsFor[folder] = waitsFor[folder]! - 1;
        index = folder;
      }
    };
    for (let index = 0; index < length; index += 1) {
      addFrom(index);
    }
    for (let index = 0; index < length; index += 1) {
      if (isAdded[index] === 0) {
        // Of a damaged volume, folders may stand in a circle. It is opened here.
        const folder = this.#folders[index]!;
        this.#folders[index] = this.#root;
        waitsFor[folder] = waitsFor[folder]! - 1;
        addFrom(folder);
        addFrom(index);
      }
    }
  }

  #place(length: number): void {
    for (let index = 0; index < this.length; index += 1) {
      if (index !== this.#root) {
        const next = this.#folders[index]! + 1;
        this.#starts[next] = this.#starts[next]! + 1;
      }
    }
    for (let index = 0; index < length; index += 1) {
      this.#starts[index + 1] = this.#starts[index + 1]! + this.#starts[index]!;
    }
    const next = this.#starts.slice();
    for (let index = 0; index < this.length; index += 1) {
      if (index !== this.#root) {
        const folder = this.#folders[index]!;
        this.#entries[next[folder]!] = index;
        next[folder] = next[folder]! + 1;
      }
    }
  }
}

/** Where a number is among others that are in order. */
function indexOf(sorted: Float64Array, number: number): number | undefined {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < number) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return sorted[low] === number ? low : undefined;
}
