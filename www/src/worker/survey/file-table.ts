import type { SurveyedStream } from "ntfsclone";
import { HOLDERS, ROOT } from "../../kinds.js";
import type { Entry, Step } from "../../messages.js";
import type { Columns } from "./file-collector.js";
import { FolderTree, indexOf } from "./folder-tree.js";

const DIRECTORY = HOLDERS.indexOf("directory");

/** Deeper paths lose their start. Windows has no paths of more than 32,767 characters. */
const MOST_LEVELS = 1024;

/** A folder that is taken out. */
export interface InnerFolder {
  /** Its index; null of what is on top. */
  index: number | null;
  /** From the top on. */
  path: Step[];
  /** Of the entries of this folder, in the order of their records. */
  indexes: Uint32Array;
}

/** A file, and where it is. */
export interface FoundFile {
  entry: Entry;
  streams: SurveyedStream[];
  path: Step[];
  folder: number;
}

/** All files of a volume. Each has an index: its ID on the page. */
export class FileTable {
  readonly columns: Columns;
  readonly tree: FolderTree;
  readonly #clusterSize: number;

  constructor(columns: Columns, clusterSize: number) {
    this.columns = columns;
    this.#clusterSize = clusterSize;
    this.tree = new FolderTree(columns, clusterSize);
  }

  get length(): number {
    return this.columns.records.length;
  }

  /** How many files and folders there are, without those of the file system, and without the root. */
  get users(): number {
    return this.entriesOf(this.tree.root, false).reduce((sum, entry) => sum + this.tree.inside[entry]! + 1, 0);
  }

  /** The index of a file, by its record: that of the root is there always. */
  find(record: number): number | undefined {
    return record === ROOT ? this.tree.root : indexOf(this.columns.records, record);
  }

  /** What is in a folder, in the order of records. In a folder of the file system all are its own. */
  entriesOf(folder: number, hasSystem: boolean): Uint32Array {
    const entries = this.tree.entriesOf(folder);
    const { systems } = this.tree;
    return hasSystem || systems[folder] === 1 ? entries : entries.filter((entry) => systems[entry] === 0);
  }

  /** All folders in these files and folders, at any depth, each after the one that it is in; with those of the file system or not. */
  *foldersUnder(top: Uint32Array, hasSystem: boolean): Generator<InnerFolder> {
    const waiting: { index: number | null; path: Step[] }[] = [{ index: null, path: [] }];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { index, path } = next;
      const indexes = index === null ? top : this.entriesOf(index, hasSystem);
      yield { index, path, indexes };
      for (const inner of indexes) {
        if (this.tree.inside[inner]! > 0) {
          waiting.push({ index: inner, path: [...path.slice(1 - MOST_LEVELS), this.step(inner)] });
        }
      }
    }
  }

  /** These files and folders without those that are in others of them; in the order of records. */
  withoutInner(indexes: Uint32Array): Uint32Array {
    const { folders, root } = this.tree;
    const all = new Set(indexes);
    const isInner = (index: number) => {
      for (let at = index; at !== root; ) {
        at = folders[at]!;
        if (all.has(at)) {
          return true;
        }
      }
      return false;
    };
    return indexes.filter((index) => index < this.length && !isInner(index)).sort();
  }

  /** The folders on the way to a file, without the root, and itself; nothing if it is not known. */
  path(record: number): Step[] | undefined {
    const index = this.find(record);
    return index === undefined ? undefined : this.pathAt(index);
  }

  pathAt(index: number): Step[] {
    const path: Step[] = [];
    for (let at = index; at !== this.tree.root && path.length < MOST_LEVELS; at = this.tree.folders[at]!) {
      path.push(this.step(at));
    }
    return path.reverse();
  }

  /** A file, and which folder it is in. */
  file(record: number): FoundFile | undefined {
    const index = this.find(record);
    if (index === undefined) {
      return undefined;
    }
    const streams = this.columns.streams.get(record) ?? [];
    return { entry: this.entry(index), streams, path: this.pathAt(index), folder: this.recordAt(this.tree.folders[index]!) };
  }

  /** All paths of a file, if it has several: hard links. */
  pathsOf(record: number): Step[][] {
    const { records } = this.columns;
    const paths: Step[][] = [];
    for (let index = this.find(record) ?? this.length; records[index] === record; index += 1) {
      paths.push(this.pathAt(index));
    }
    return paths.length > 1 ? paths : [];
  }

  /** The record of a file, by its path as reports have it: with the name of a stream behind it, too. */
  recordOf(path: string): number | null {
    const { names } = this.columns;
    let at = this.tree.root;
    for (const name of path.split("/").filter((name) => name !== "")) {
      const entries = this.tree.entriesOf(at);
      const found = entries.find((entry) => names[entry] === name) ?? entries.find((entry) => names[entry] === name.split(":")[0]);
      if (found === undefined) {
        return null;
      }
      at = found;
    }
    return this.recordAt(at);
  }

  step(index: number): Step {
    return { record: this.recordAt(index), name: this.columns.names[index] ?? null };
  }

  recordAt(index: number): number {
    return this.columns.records[index] ?? ROOT;
  }

  isFolder(index: number): boolean {
    return (this.columns.holders[index] ?? DIRECTORY) === DIRECTORY || this.tree.inside[index]! > 0;
  }

  entry(index: number): Entry {
    const { sizes, clusters, holders, modified, links, streams, incomplete } = this.columns;
    const { rooms, inside, incompleteInside, systems } = this.tree;
    const { record, name } = this.step(index);
    const time = modified[index] ?? NaN;
    const isFolder = this.isFolder(index);
    return {
      id: index,
      record,
      name,
      holder: HOLDERS[holders[index] ?? DIRECTORY]!,
      isFolder,
      isIncomplete: incomplete.has(record),
      isLink: links[index] === 1,
      streams: streams.get(record)?.length ?? 0,
      modified: Number.isNaN(time) ? null : time,
      size: sizes[index] ?? 0,
      room: isFolder ? rooms[index]! : (clusters[index] ?? 0) * this.#clusterSize,
      inside: inside[index]!,
      incompleteInside: incompleteInside[index]!,
      isSystem: systems[index] === 1,
    };
  }
}
