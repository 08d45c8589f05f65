import type { Search } from "../../messages.js";
import type { FileTable } from "./file-table.js";
import { isGlob, matchesGlob } from "./glob.js";

/** Finds files by their names, sizes and dates. */
export class NameSearch {
  readonly #files: FileTable;
  /** All names in small letters, as they are compared. Made at the first search. */
  #names: string[] | undefined;

  constructor(files: FileTable) {
    this.#files = files;
  }

  /** Of all files in a folder, at any depth, those that are searched for: in the order of records. */
  find({ text, least, most, since, until }: Search, folder: number, hasSystem: boolean): Uint32Array {
    const { columns, tree } = this.#files;
    const isNamed = this.#matcher(text.trim().toLowerCase());
    const isWithin = folder === tree.root ? () => true : this.#within(folder);
    const hasSize = least !== null || most !== null;
    const hasTime = since !== null || until !== null;
    const found = new Uint32Array(columns.records.length);
    let length = 0;
    for (let index = 0; index < columns.records.length; index += 1) {
      const size = columns.sizes[index]!;
      const time = columns.modified[index]!;
      if (
        index !== tree.root &&
        (hasSystem || tree.systems[index] === 0) &&
        (!hasSize || (!this.#files.isFolder(index) && size >= (least ?? 0) && size <= (most ?? Infinity))) &&
        (!hasTime || (time >= (since ?? -Infinity) && time < (until ?? Infinity))) &&
        isNamed(index) &&
        isWithin(index)
      ) {
        found[length] = index;
        length += 1;
      }
    }
    return found.slice(0, length);
  }

  /** Names with all of these words; or in that form, if it has `*` or `?`; or paths, if it has a slash. */
  #matcher(text: string): (index: number) => boolean {
    const names = (this.#names ??= this.#files.columns.names.map((name) => (name ?? "").toLowerCase()));
    if (text.includes("/")) {
      const pattern = isGlob(text) ? (text.startsWith("/") || text.startsWith("*") ? text : `*/${text}`) : undefined;
      // The last part of the path decides for most.
      const last = text.slice(text.lastIndexOf("/") + 1).replace(/^.*\*/, "*");
      return (index) => (isGlob(last) ? matchesGlob(last, names[index]!) : names[index]!.includes(last)) && this.#hasPath(index, text, pattern);
    }
    if (isGlob(text)) {
      return (index) => matchesGlob(text, names[index]!);
    }
    const words = text.split(/\s+/);
    return (index) => words.every((word) => names[index]!.includes(word));
  }

  #hasPath(index: number, text: string, pattern: string | undefined): boolean {
    const path = `/${this.#files.pathAt(index).map(({ name }) => (name ?? "").toLowerCase()).join("/")}`;
    return pattern === undefined ? path.includes(text) : matchesGlob(pattern, path);
  }

  /** Whether a file is in a folder, at any depth: each folder on the way is looked at once. */
  #within(folder: number): (index: number) => boolean {
    const { folders, root } = this.#files.tree;
    const isWithin = new Map<number, boolean>([[folder, true], [root, false]]);
    return (index) => {
      const way: number[] = [];
      let at = folders[index]!;
      for (; !isWithin.has(at); at = folders[at]!) {
        way.push(at);
      }
      const answer = isWithin.get(at)!;
      way.forEach((inner) => isWithin.set(inner, answer));
      return answer;
    };
  }
}
