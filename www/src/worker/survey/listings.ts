import type { Entry, Listed, Listing, Row, Sort } from "../../messages.js";
import type { FileTable } from "./file-table.js";
import { NameOrder } from "./name-order.js";
import { NameSearch } from "./search.js";

/** As many as can be shown as boxes. */
const MOST_LARGEST = 60;
/** Lists that are kept: that of the folder, and of the search in it. */
const MOST_KEPT = 4;

/** Lists of files: what is in a folder, or what was searched for. */
export class Listings {
  readonly #files: FileTable;
  readonly #names: NameOrder;
  readonly #search: NameSearch;
  readonly #kept = new Map<string, Uint32Array>();

  constructor(files: FileTable) {
    this.#files = files;
    this.#names = new NameOrder(files.columns.names);
    this.#search = new NameSearch(files);
  }

  /** What a list is, without its rows. */
  list(listing: Listing): Listed {
    const files = this.#files;
    const folder = this.#folderOf(listing);
    const indexes = this.indexes(listing);
    const { rooms, inside } = files.tree;
    const largest = listing.search ? [] : this.#largest(indexes);
    return {
      path: files.pathAt(folder),
      folder: files.entry(folder),
      length: indexes.length,
      inside: indexes.reduce((sum, index) => sum + inside[index]! + 1, 0),
      room: indexes.reduce((sum, index) => sum + rooms[index]!, 0),
      largest,
    };
  }

  /** Some rows of a list. */
  rows(listing: Listing, from: number, length: number): Row[] {
    const isSearch = listing.search !== null;
    return Array.from(this.indexes(listing).subarray(from, from + length), (index) => ({
      ...this.#files.entry(index),
      path: isSearch ? this.#files.pathAt(index) : null,
    }));
  }

  /** The first row from `from` on, and round to it, whose name begins so; null if there is none. */
  seek(listing: Listing, prefix: string, from: number): number | null {
    const indexes = this.indexes(listing);
    const { names } = this.#files.columns;
    for (let step = 0; step < indexes.length; step += 1) {
      const row = (from + step) % indexes.length;
      if ((names[indexes[row]!] ?? "").toLowerCase().startsWith(prefix.toLowerCase())) {
        return row;
      }
    }
    return null;
  }

  /** The row of a file; null if it is in none. */
  rowOf(listing: Listing, record: number): number | null {
    const { records } = this.#files.columns;
    const row = this.indexes(listing).findIndex((index) => records[index] === record);
    return row < 0 ? null : row;
  }

  /** The files of a list, in its order. */
  indexes(listing: Listing): Uint32Array {
    const key = JSON.stringify(listing);
    const kept = this.#kept.get(key) ?? this.#make(listing);
    // The last used is the last to go.
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    for (const old of this.#kept.keys()) {
      if (this.#kept.size <= MOST_KEPT) {
        break;
      }
      this.#kept.delete(old);
    }
    return kept;
  }

  #make({ sort, ...listing }: Listing): Uint32Array {
    const folder = this.#folderOf(listing);
    const { search, hasSystem } = listing;
    const indexes = search ? this.#search.find(search, folder, hasSystem) : this.#files.entriesOf(folder, hasSystem).slice();
    this.#names.sort(indexes);
    return this.#sorted(indexes, sort);
  }

  /** Folders first, unless they are sorted by size: that of a folder is of all that is in it. */
  #sorted(byName: Uint32Array, { by, isDescending }: Sort): Uint32Array {
    const { columns, tree } = this.#files;
    const keys = {
      name: undefined,
      size: (index: number) => (this.#files.isFolder(index) ? tree.rooms[index]! : columns.sizes[index]!),
      room: (index: number) => tree.rooms[index]!,
      modified: (index: number) => columns.modified[index] || 0,
    };
    const key = keys[by];
    if (key) {
      // Those that are equal stay in the order of their names.
      byName.sort(isDescending ? (a, b) => key(b) - key(a) : (a, b) => key(a) - key(b));
    } else if (isDescending) {
      byName.reverse();
    }
    if (by === "size" || by === "room") {
      return byName;
    }
    const isFolder = (index: number) => this.#files.isFolder(index);
    const folders = byName.filter(isFolder);
    const sorted = new Uint32Array(byName.length);
    sorted.set(folders);
    sorted.set(byName.filter((index) => !isFolder(index)), folders.length);
    return sorted;
  }

  #largest(indexes: Uint32Array): Entry[] {
    const { rooms } = this.#files.tree;
    const sorted = indexes.slice().sort((a, b) => rooms[b]! - rooms[a]! || this.#names.compare(a, b));
    return Array.from(sorted.subarray(0, MOST_LARGEST), (index) => this.#files.entry(index));
  }

  #folderOf({ folder }: Pick<Listing, "folder">): number {
    return this.#files.find(folder) ?? this.#files.tree.root;
  }
}
