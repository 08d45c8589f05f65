import type { Holder } from "ntfsclone";
import { HOLDERS, ROOT } from "../../kinds.js";
import type { Columns } from "./file-collector.js";

/** Owners of what is the file system's own. */
const SYSTEM: readonly Holder[] = ["mft", "system", "bad"];

/** Which files are in which folder, by their indexes in the columns. */
export class FolderTree {
  /** The index of the root; if it was not found, after all others. */
  readonly root: number;
  /** Of each file, the index of the folder that it is in. */
  readonly folders: Uint32Array;
  /** Bytes on the disk, of a folder with all that is in it. */
  readonly rooms: Float64Array;
  /** How many files and folders are in it, at any depth; and how many of these are incomplete files. */
  readonly inside: Uint32Array;
  readonly incompleteInside: Uint32Array;
  /** 1 of the file system's own, and of all that is in its folders. */
  readonly systems: Uint8Array;
  /** What is in folder `i`: the entries from `#starts[i]` to before `#starts[i + 1]`. */
  readonly #starts: Uint32Array;
  readonly #entries: Uint32Array;

  constructor(columns: Columns, clusterSize: number) {
    const { records, parents } = columns;
    const files = records.length;
    this.root = indexOf(records, ROOT) ?? files;
    const length = Math.max(files, this.root + 1);
    this.rooms = new Float64Array(length);
    columns.clusters.forEach((clusters, index) => (this.rooms[index] = columns.others[index] === 1 ? 0 : clusters * clusterSize));
    this.inside = new Uint32Array(length);
    this.incompleteInside = new Uint32Array(length);
    this.systems = new Uint8Array(length);
    // Files without a folder are shown in the root.
    this.folders = new Uint32Array(length).fill(this.root);
    for (let index = 0; index < files; index += 1) {
      const folder = indexOf(records, parents[index]!);
      this.folders[index] = folder === undefined || folder === index ? this.root : folder;
    }
    this.#sumFolders(length, columns);
    this.#markSystem(columns);
    this.#starts = new Uint32Array(length + 1);
    this.#entries = new Uint32Array(files);
    this.#placeEntries(length);
  }

  /** What is in a folder, in the order of the columns. */
  entriesOf(folder: number): Uint32Array {
    return this.#entries.subarray(this.#starts[folder]!, this.#starts[folder + 1]!);
  }

  /** Adds the size and number of each file to all folders that it is in, from the innermost on. */
  #sumFolders(length: number, { records, incomplete }: Columns): void {
    const waitsFor = new Uint32Array(length);
    for (let index = 0; index < length; index += 1) {
      if (index !== this.root) {
        const folder = this.folders[index]!;
        waitsFor[folder] = waitsFor[folder]! + 1;
      }
    }
    const isAdded = new Uint8Array(length);
    isAdded[this.root] = 1;
    const addFrom = (start: number) => {
      for (let index = start; isAdded[index] === 0 && waitsFor[index] === 0; ) {
        const folder = this.folders[index]!;
        isAdded[index] = 1;
        this.rooms[folder] = this.rooms[folder]! + this.rooms[index]!;
        this.inside[folder] = this.inside[folder]! + this.inside[index]! + 1;
        this.incompleteInside[folder] = this.incompleteInside[folder]! + this.incompleteInside[index]! + Number(incomplete.has(records[index]!));
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
        const folder = this.folders[index]!;
        this.folders[index] = this.root;
        waitsFor[folder] = waitsFor[folder]! - 1;
        addFrom(folder);
        addFrom(index);
      }
    }
  }

  /** Marks what is the file system's own, and all below it. */
  #markSystem({ records, holders }: Columns): void {
    const isKnown = new Uint8Array(this.folders.length);
    isKnown[this.root] = 1;
    for (let index = 0; index < records.length; index += 1) {
      const way: number[] = [];
      let at = index;
      for (; isKnown[at] === 0; at = this.folders[at]!) {
        way.push(at);
        if (SYSTEM.includes(HOLDERS[holders[at]!]!)) {
          this.systems[at] = 1;
          break;
        }
      }
      for (const inner of way) {
        isKnown[inner] = 1;
        this.systems[inner] = this.systems[at]!;
      }
    }
  }

  #placeEntries(length: number): void {
    const files = this.#entries.length;
    for (let index = 0; index < files; index += 1) {
      if (index !== this.root) {
        const next = this.folders[index]! + 1;
        this.#starts[next] = this.#starts[next]! + 1;
      }
    }
    for (let index = 0; index < length; index += 1) {
      this.#starts[index + 1] = this.#starts[index + 1]! + this.#starts[index]!;
    }
    const next = this.#starts.slice();
    for (let index = 0; index < files; index += 1) {
      if (index !== this.root) {
        const folder = this.folders[index]!;
        this.#entries[next[folder]!] = index;
        next[folder] = next[folder]! + 1;
      }
    }
  }
}

/** The first index of a number, by binary search. */
export function indexOf(sorted: Float64Array, number: number): number | undefined {
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
