import type { SurveyedFile } from "ntfsclone";

/** Of a damaged volume, folders may stand in a circle. */
const MOST_LEVELS = 1024;
/** The record of the root directory. */
const ROOT = 5;

/** In the place of a root directory whose record is damaged. */
const LOST_ROOT: SurveyedFile = {
  record: ROOT,
  parent: ROOT,
  name: ".",
  holder: "directory",
  size: 0,
  modified: null,
  is_link: false,
  streams: [],
  clusters: 0,
};

/** A file or folder, and what is in it. */
export interface Entry {
  file: SurveyedFile;
  /** Bytes on the disk, of a folder with all that is in it. */
  room: number;
  /** How many files and folders are in it, at any depth. */
  inside: number;
  entries: Entry[];
}

/** All files of a volume by the folders they stand in, the largest first. */
export class Tree {
  readonly root: Entry;
  readonly #clusterSize: number;
  readonly #byRecord = new Map<number, Entry>();
  readonly #parents = new Map<Entry, Entry>();

  constructor(files: readonly SurveyedFile[], clusterSize: number) {
    this.#clusterSize = clusterSize;
    for (const file of files) {
      this.#byRecord.set(file.record, { file, room: file.clusters * clusterSize, inside: 0, entries: [] });
    }
    this.root = this.#byRecord.get(ROOT) ?? { file: LOST_ROOT, room: 0, inside: 0, entries: [] };
    this.#byRecord.set(ROOT, this.root);
    for (const entry of this.#byRecord.values()) {
      if (entry !== this.root) {
        this.#place(entry);
      }
    }
    for (const entry of this.#byRecord.values()) {
      if (entry !== this.root) {
        this.#count(entry);
      }
    }
    for (const { entries } of this.#byRecord.values()) {
      entries.sort((a, b) => b.room - a.room || (a.file.name ?? "").localeCompare(b.file.name ?? ""));
    }
  }

  find(record: number): Entry | undefined {
    return this.#byRecord.get(record);
  }

  /** The folders on the way to an entry, from the root on, and itself. */
  pathTo(entry: Entry): Entry[] {
    const path = [entry];
    for (let at = this.#parents.get(entry); at && path.length < MOST_LEVELS; at = this.#parents.get(at)) {
      path.unshift(at);
    }
    return path;
  }

  /** What no folder has, or a circle of folders, is shown in the root. */
  #place(entry: Entry): void {
    let parent = this.#byRecord.get(entry.file.parent);
    for (let at = parent, level = 0; at && at !== this.root; at = this.#byRecord.get(at.file.parent), level += 1) {
      if (at === entry || level > MOST_LEVELS) {
        parent = undefined;
        break;
      }
    }
    parent ??= this.root;
    parent.entries.push(entry);
    this.#parents.set(entry, parent);
  }

  #count(entry: Entry): void {
    const own = entry.file.clusters * this.#clusterSize;
    let level = 0;
    for (let at = this.#parents.get(entry); at && level < MOST_LEVELS; at = this.#parents.get(at), level += 1) {
      at.room += own;
      at.inside += 1;
    }
  }
}
