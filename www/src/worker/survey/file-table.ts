import type { Holder, SurveyedFile, SurveyedStream } from "ntfsclone";
import { HOLDERS } from "../../kinds.js";
import type { Entry, Folder, FolderPart, Order, Step } from "../../messages.js";
import { float64, Growing, uint8 } from "./growing.js";

/** The record of the root directory. */
const ROOT = 5;
const DIRECTORY = HOLDERS.indexOf("directory");
/** Owners of what is the file system's own. */
const SYSTEM: readonly Holder[] = ["mft", "system", "bad"];

/** Deeper paths lose their start. Windows has no paths of more than 32,767 characters. */
const MOST_LEVELS = 1024;

/** The zero of NTFS times, 1601: the time was never set, or was wiped. */
const UNSET = Date.UTC(1601, 0, 1);
/** As many as can be shown as boxes. */
const MOST_LARGEST = 60;

const byName = new Intl.Collator("en", { numeric: true });

/** Collects the files of a volume, in the order of their records. */
export class FileCollector {
  readonly #records = new Growing(float64);
  readonly #parents = new Growing(float64);
  readonly #sizes = new Growing(float64);
  readonly #clusters = new Growing(float64);
  readonly #holders = new Growing(uint8);
  readonly #modified = new Growing(float64);
  readonly #links = new Growing(uint8);
  readonly #names: (string | null)[] = [];
  readonly #streams = new Map<number, SurveyedStream[]>();

  add({ record, parent, name, holder, size, clusters, modified, is_link, streams }: SurveyedFile): void {
    this.#records.push(record);
    this.#parents.push(parent);
    this.#sizes.push(size);
    this.#clusters.push(clusters);
    this.#holders.push(HOLDERS.indexOf(holder));
    this.#modified.push(modified === null || modified === UNSET ? NaN : modified);
    this.#links.push(Number(is_link));
    this.#names.push(name);
    if (streams.length > 0) {
      this.#streams.set(record, streams);
    }
  }

  /** `incomplete`: the records of files with clusters that are not in the image. */
  finish(clusterSize: number, incomplete: ReadonlySet<number>): FileTable {
    return new FileTable(
      {
        records: this.#records.take(),
        parents: this.#parents.take(),
        sizes: this.#sizes.take(),
        clusters: this.#clusters.take(),
        holders: this.#holders.take(),
        modified: this.#modified.take(),
        links: this.#links.take(),
        names: this.#names,
        streams: this.#streams,
        incomplete,
      },
      clusterSize,
    );
  }
}

/** One entry a file in each column, at the same index: a volume may have millions of files. */
interface Columns {
  /** In order. */
  records: Float64Array;
  parents: Float64Array;
  sizes: Float64Array;
  clusters: Float64Array;
  holders: Uint8Array;
  /** In milliseconds since 1970, or not a number. */
  modified: Float64Array;
  /** 1 of those that are links. */
  links: Uint8Array;
  names: (string | null)[];
  /** By records: most have none. */
  streams: ReadonlyMap<number, SurveyedStream[]>;
  incomplete: ReadonlySet<number>;
}

/** A folder within another. */
export interface InnerFolder {
  record: number;
  /** From the outer folder on, without it. */
  path: Step[];
  /** Of the entries of this folder, for {@link FileTable.entry} and {@link FileTable.step}; in the order of their records. */
  indexes: Uint32Array;
}

/** All files of a volume, by folder. */
export class FileTable {
  readonly #columns: Columns;
  /** The index of the root; if it was not found, after all others. */
  readonly #root: number;
  /** Of each file, the index of the folder that it is in. */
  readonly #folders: Uint32Array;
  /** Bytes on the disk, of a folder with all that is in it. */
  readonly #rooms: Float64Array;
  /** How many files and folders are in it, at any depth; and how many of these are incomplete files. */
  readonly #inside: Uint32Array;
  readonly #incompleteInside: Uint32Array;
  /** 1 of the file system's own, and of all that is in its folders. */
  readonly #systems: Uint8Array;
  /** What is in folder `i`: the entries from `#starts[i]` to before `#starts[i + 1]`. */
  readonly #starts: Uint32Array;
  readonly #entries: Uint32Array;
  /** How the entries of a folder are sorted: they are sorted when the folder is shown. */
  readonly #orders = new Map<number, Order>();

  constructor(columns: Columns, clusterSize: number) {
    const files = columns.records.length;
    this.#columns = columns;
    const root = indexOf(columns.records, ROOT);
    this.#root = root ?? files;
    const length = Math.max(files, this.#root + 1);
    this.#rooms = new Float64Array(length);
    columns.clusters.forEach((clusters, index) => (this.#rooms[index] = clusters * clusterSize));
    this.#inside = new Uint32Array(length);
    this.#incompleteInside = new Uint32Array(length);
    this.#systems = new Uint8Array(length);
    // Files without a folder are shown in the root.
    this.#folders = new Uint32Array(length).fill(this.#root);
    for (let index = 0; index < files; index += 1) {
      const folder = indexOf(columns.records, columns.parents[index]!);
      this.#folders[index] = folder === undefined || folder === index ? this.#root : folder;
    }
    this.#sumFolders(length);
    this.#markSystem(files);
    this.#starts = new Uint32Array(length + 1);
    this.#entries = new Uint32Array(files);
    this.#placeEntries(length);
  }

  /** How many files and folders there are, without those of the file system, and without the root. */
  get users(): number {
    return this.#shown(this.#root, "room", false).reduce((sum, entry) => sum + this.#inside[entry]! + 1, 0);
  }

  /** A folder with some of its entries. The root if there is no such folder. */
  folder({ record, order, hasSystem, from, length }: FolderPart): Folder {
    const index = (record === null ? undefined : this.#find(record)) ?? this.#root;
    const largest = from === 0 ? [...this.#shown(index, "room", hasSystem).subarray(0, MOST_LARGEST)] : [];
    const shown = this.#shown(index, order, hasSystem);
    const entries = [...shown.subarray(from, from + length)];
    return {
      path: this.#path(index),
      entry: this.entry(index),
      entries: entries.map((entry) => this.entry(entry)),
      largest: largest.map((entry) => this.entry(entry)),
      length: shown.length,
      inside: shown.reduce((sum, entry) => sum + this.#inside[entry]! + 1, 0),
      roomInside: shown.reduce((sum, entry) => sum + this.#rooms[entry]!, 0),
    };
  }

  /** The record of a file, by its path as reports have it: with the name of a stream behind it, too. */
  recordAt(path: string): number | null {
    let at = this.#root;
    for (const name of path.split("/").filter((name) => name !== "")) {
      const entries = this.#entries.subarray(this.#starts[at]!, this.#starts[at + 1]!);
      const { names } = this.#columns;
      const found = entries.find((entry) => names[entry] === name) ?? entries.find((entry) => names[entry] === name.split(":")[0]);
      if (found === undefined) {
        return null;
      }
      at = found;
    }
    return this.#recordAt(at);
  }

  /** A folder and all folders in it, at any depth, each after the one that it is in; with those of the file system or not. */
  *foldersIn(record: number, hasSystem: boolean): Generator<InnerFolder> {
    const index = this.#find(record);
    const waiting = index === undefined ? [] : [{ index, path: [] as Step[] }];
    for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
      const { index, path } = folder;
      // However the list of it was sorted last.
      const entries = this.#entries.slice(this.#starts[index]!, this.#starts[index + 1]!).sort();
      const indexes = hasSystem ? entries : entries.filter((entry) => this.#systems[entry] === 0);
      yield { record: this.#recordAt(index), path, indexes };
      for (const index of indexes) {
        if (this.#starts[index + 1]! > this.#starts[index]!) {
          waiting.push({ index, path: [...path.slice(1 - MOST_LEVELS), this.step(index)] });
        }
      }
    }
  }

  /** The folders on the way to a file, without the root, and itself; nothing if it is not known. */
  path(record: number): Step[] | undefined {
    const index = this.#find(record);
    return index === undefined ? undefined : this.#path(index);
  }

  /** A file, and which folder it is in. */
  file(record: number): { entry: Entry; streams: SurveyedStream[]; path: Step[]; folder: number } | undefined {
    const index = this.#find(record);
    if (index === undefined) {
      return undefined;
    }
    const streams = this.#columns.streams.get(record) ?? [];
    return { entry: this.entry(index), streams, path: this.#path(index), folder: this.#recordAt(this.#folders[index]!) };
  }

  /** The entries of a folder, sorted. In a folder of the file system all are its own. */
  #shown(folder: number, order: Order, hasSystem: boolean): Uint32Array {
    const entries = this.#inOrder(folder, order);
    return hasSystem || this.#systems[folder] === 1 ? entries : entries.filter((entry) => this.#systems[entry] === 0);
  }

  /** The entries of a folder, sorted. */
  #inOrder(folder: number, order: Order): Uint32Array {
    const entries = this.#entries.subarray(this.#starts[folder]!, this.#starts[folder + 1]!);
    if (this.#orders.get(folder) !== order) {
      this.#orders.set(folder, order);
      const { names, modified } = this.#columns;
      const named = (a: number, b: number) => byName.compare(names[a] ?? "", names[b] ?? "") || a - b;
      const time = (index: number) => modified[index] || 0;
      const compare = {
        room: (a: number, b: number) => this.#rooms[b]! - this.#rooms[a]! || named(a, b),
        name: named,
        modified: (a: number, b: number) => time(b) - time(a) || named(a, b),
      };
      entries.sort(compare[order]);
    }
    return entries;
  }

  step(index: number): Step {
    return { record: this.#recordAt(index), name: this.#columns.names[index] ?? null };
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
      path.push(this.step(at));
    }
    return path.reverse();
  }

  entry(index: number): Entry {
    const { sizes, holders, modified, links, streams, incomplete } = this.#columns;
    const { record, name } = this.step(index);
    const time = modified[index] ?? NaN;
    const holder = HOLDERS[holders[index] ?? DIRECTORY]!;
    const hasEntries = this.#starts[index + 1]! > this.#starts[index]!;
    return {
      record,
      name,
      holder,
      isFolder: holder === "directory" || hasEntries,
      isIncomplete: incomplete.has(record),
      isLink: links[index] === 1,
      streams: streams.get(record)?.length ?? 0,
      modified: Number.isNaN(time) ? null : time,
      size: sizes[index] ?? 0,
      room: this.#rooms[index]!,
      inside: this.#inside[index]!,
      incompleteInside: this.#incompleteInside[index]!,
      isSystem: this.#systems[index] === 1,
    };
  }

  /** Adds the size and number of each file to all folders that it is in, from the innermost on. */
  #sumFolders(length: number): void {
    const { records, incomplete } = this.#columns;
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
        this.#incompleteInside[folder] = this.#incompleteInside[folder]! + this.#incompleteInside[index]! + Number(incomplete.has(records[index]!));
        waitsFor[folder] = waitsFor[folder]! - 1;
        index = folder;
      }
    };
    for (let index = 0; index < length; index += 1) {
      addFrom(index);
    }
    for (let index = 0; index < length; index += 1) {
      if (isAdded[index] === 0) {
        // On a damaged volume, folders may form a cycle. It is broken here.
        const folder = this.#folders[index]!;
        this.#folders[index] = this.#root;
        waitsFor[folder] = waitsFor[folder]! - 1;
        addFrom(folder);
        addFrom(index);
      }
    }
  }

  /** Marks what is the file system's own, and all below it. */
  #markSystem(files: number): void {
    const isKnown = new Uint8Array(files + 1);
    isKnown[this.#root] = 1;
    for (let index = 0; index < files; index += 1) {
      const way: number[] = [];
      let at = index;
      for (; isKnown[at] === 0; at = this.#folders[at]!) {
        way.push(at);
        if (SYSTEM.includes(HOLDERS[this.#columns.holders[at]!]!)) {
          this.#systems[at] = 1;
          break;
        }
      }
      for (const inner of way) {
        isKnown[inner] = 1;
        this.#systems[inner] = this.#systems[at]!;
      }
    }
  }

  #placeEntries(length: number): void {
    const files = this.#columns.records.length;
    for (let index = 0; index < files; index += 1) {
      if (index !== this.#root) {
        const next = this.#folders[index]! + 1;
        this.#starts[next] = this.#starts[next]! + 1;
      }
    }
    for (let index = 0; index < length; index += 1) {
      this.#starts[index + 1] = this.#starts[index + 1]! + this.#starts[index]!;
    }
    const next = this.#starts.slice();
    for (let index = 0; index < files; index += 1) {
      if (index !== this.#root) {
        const folder = this.#folders[index]!;
        this.#entries[next[folder]!] = index;
        next[folder] = next[folder]! + 1;
      }
    }
  }
}

/** Binary search. */
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
