import type { Entry, Step } from "../../messages.js";
import { textOf } from "../../paths.js";
import { bytesOf, safeNames } from "../../safe-names.js";
import type { FileTable } from "../survey/file-table.js";

/** A zip archive counts the bytes of a path with 16 bits. */
const MOST_BYTES = 65_535;

/** A file or folder that is taken out, and its path there. */
export interface TakenEntry {
  entry: Entry;
  /** The folders that it is in, from those on that are taken out. */
  folders: Step[];
  /** With safe names; null if it is too long. */
  safePath: string | null;
  /** Its own name is not the one it has on the volume. */
  isRenamed: boolean;
}

/** As it is on the volume, from what is taken out on. */
export function pathOf({ folders, entry: { record, name } }: TakenEntry): Step[] {
  return [...folders, { record, name }];
}

interface SafePath {
  text: string;
  bytes: number;
}

/** Paths of files that are taken out: all names are safe, and unique in their folder. */
export class TakenPaths {
  /** A name at the top that nothing else there has: that which was wanted, or the same with a number. Known after the walk. */
  extraName: string;
  readonly #files: FileTable;
  readonly #top: Uint32Array;
  readonly #hasSystem: boolean;

  /** `top`: the indexes of what is taken out, with all that is in it. */
  constructor(files: FileTable, top: Uint32Array, hasSystem: boolean, extraName: string) {
    this.#files = files;
    this.#top = top;
    this.#hasSystem = hasSystem;
    this.extraName = extraName;
  }

  /** All that is taken out; each after the folder that it is in. */
  *walk(): Generator<TakenEntry> {
    const files = this.#files;
    const folders = new Map<number | null, SafePath>([[null, { text: "", bytes: 0 }]]);
    for (const { index, path, indexes } of files.foldersUnder(this.#top, this.#hasSystem)) {
      const folder = folders.get(index) ?? { text: "", bytes: Infinity };
      folders.delete(index);
      const originals = Array.from(indexes, (inner) => textOf(files.step(inner)));
      const names = safeNames(index === null ? [...originals, this.extraName] : originals);
      this.extraName = names[originals.length] ?? this.extraName;
      for (const [place, inner] of indexes.entries()) {
        const entry = files.entry(inner);
        const safe = join(folder, names[place]!);
        if (entry.inside > 0) {
          folders.set(inner, safe);
        }
        yield { entry, folders: path, safePath: safe.bytes > MOST_BYTES ? null : safe.text, isRenamed: names[place] !== originals[place] };
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
