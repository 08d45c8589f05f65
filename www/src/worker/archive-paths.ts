import type { Entry, Step } from "../messages.js";
import { textOf } from "../paths.js";
import { bytesOf, safeNames } from "../safe-names.js";
import type { FileTable } from "./survey/file-table.js";

/** A zip archive counts the bytes of a path with 16 bits. */
const MOST_BYTES = 65_535;

/** A file or folder, and its path in an archive. */
export interface Archived {
  entry: Entry;
  /** The folders that it is in, from the one that the archive is made of. */
  folders: Step[];
  /** With safe names; null if it is too long. */
  safePath: string | null;
  /** Its own name is not the one it has on the volume. */
  isRenamed: boolean;
}

/** As it is on the volume, from the folder that the archive is made of. */
export function pathOf({ folders, entry: { record, name } }: Archived): Step[] {
  return [...folders, { record, name }];
}

interface SafePath {
  text: string;
  bytes: number;
}

/** Paths for an archive of a folder: all names are safe, and unique in their folder. */
export class ArchivePaths {
  /** A name at the top of the archive that nothing else in it has: `name`, or the same with a number. Known after the walk. */
  extraName: string;
  readonly #files: FileTable;
  readonly #folder: number;
  readonly #hasSystem: boolean;

  constructor(files: FileTable, folder: number, hasSystem: boolean, extraName: string) {
    this.#files = files;
    this.#folder = folder;
    this.#hasSystem = hasSystem;
    this.extraName = extraName;
  }

  /** All that is in the folder, at any depth; each after the folder that it is in. */
  *walk(): Generator<Archived> {
    const files = this.#files;
    const folders = new Map<number, SafePath>([[this.#folder, { text: "", bytes: 0 }]]);
    for (const { record, path, indexes } of files.foldersIn(this.#folder, this.#hasSystem)) {
      const folder = folders.get(record) ?? { text: "", bytes: Infinity };
      folders.delete(record);
      const originals = Array.from(indexes, (index) => textOf(files.step(index)));
      const names = safeNames(path.length === 0 ? [...originals, this.extraName] : originals);
      this.extraName = names[originals.length] ?? this.extraName;
      for (const [place, index] of indexes.entries()) {
        const entry = files.entry(index);
        const safe = join(folder, names[place]!);
        if (entry.inside > 0) {
          folders.set(entry.record, safe);
        }
        yield {
          entry,
          folders: path,
          safePath: safe.bytes > MOST_BYTES ? null : safe.text,
          isRenamed: names[place] !== originals[place],
        };
      }
    }
  }
}

/** Paths that are too long do not grow any longer: folders may be millions deep. */
function join({ text, bytes }: SafePath, name: string): SafePath {
  if (bytes > MOST_BYTES) {
    return { text: "", bytes };
  }
  const path = text === "" ? name : `${text}/${name}`;
  return { text: path, bytes: bytes + bytesOf(name) + 1 };
}
