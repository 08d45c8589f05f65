import type { Problem, Renamed, Unreadable } from "../../messages.js";
import { plainName } from "../../names.js";
import { textOf } from "../../paths.js";
import { strings } from "../../strings.js";
import { problemOf, UnreadableError } from "../problem.js";
import type { FileTable } from "../survey/file-table.js";
import { throttled } from "../throttled.js";
import type { Asked } from "../writing.js";
import { pathOf, TakenPaths, type TakenEntry } from "./taken-paths.js";

const words = strings.archive;

/** More of them need not be listed. */
const MOST_UNREADABLE = 200;
/** So many changed names are sent to the page; the list in the result has all of them. */
const MOST_RENAMED = 50;

/** Of the file system's files, some have only named streams or indexes. */
const HAVE_NO_CONTENT: readonly Problem["code"][] = ["no-file", "no-stream", "directory"];

export type Bytes = ReadableStream<Uint8Array<ArrayBuffer>>;

/** Reads the content of a file, by its record. */
export type ContentOf = (record: number, signal: AbortSignal) => Bytes;

/** Something that is taken out. */
export interface Item {
  /** With safe names; of a folder without a slash at its end. */
  path: string;
  /** In milliseconds since 1970; null if it is not known. */
  modified: number | null;
  /** Null of a folder with nothing in it. */
  content: Bytes | null;
  /** Bytes of the content. */
  size: number;
}

export interface TakeOptions {
  /** The indexes of what is taken out, with all that is in it. */
  top: Uint32Array;
  hasSystem: boolean;
  /** Leaves out files that cannot be read, instead of failing. */
  leavesOut: boolean;
}

/**
 * What is taken out, one after the other. If a file cannot be read, it fails at the end, and the error lists all such files; unless
 * they are to be left out. A file that fails in its middle cannot be left out any more. Names that are not safe on every system are
 * changed; a text behind all others lists them.
 */
export class Items {
  readonly unreadable: Unreadable[] = [];
  readonly made = { files: 0, links: 0 };
  readonly #contentOf: ContentOf;
  readonly #options: TakeOptions;
  readonly #signal: AbortSignal;
  readonly #paths: TakenPaths;
  readonly #renames = new Renames();
  readonly #total: number;
  readonly #report: ReturnType<typeof throttled>;
  #done = 0;

  constructor(contentOf: ContentOf, files: FileTable, options: TakeOptions, { signal, onProgress }: Asked) {
    this.#contentOf = contentOf;
    this.#options = options;
    this.#signal = signal;
    this.#paths = new TakenPaths(files, options.top, options.hasSystem, words.listName);
    this.#total = sizeOf(files, options);
    this.#report = throttled(onProgress);
  }

  get renamed(): { length: number; first: Renamed[]; list: string } {
    const { length, first } = this.#renames;
    return { length, first, list: this.#paths.extraName };
  }

  async *all(): AsyncGenerator<Item> {
    const { leavesOut } = this.#options;
    for (const taken of this.#paths.walk()) {
      this.#signal.throwIfAborted();
      const item = await this.#item(taken);
      if (item) {
        yield item;
      }
      if (this.unreadable.length >= MOST_UNREADABLE && !leavesOut) {
        break;
      }
    }
    if (this.unreadable.length > 0 && !leavesOut) {
      throw new UnreadableError(this.unreadable);
    }
    if (this.#renames.length > 0) {
      const text = new TextEncoder().encode(this.#renames.text());
      yield { path: this.#paths.extraName, modified: Date.now(), content: new Blob([text]).stream(), size: text.length };
    }
  }

  /** Null if there is nothing of it. */
  async #item(taken: TakenEntry): Promise<Item | null> {
    const { entry, safePath } = taken;
    if (entry.isLink) {
      this.made.links += 1;
      return null;
    }
    if (entry.isFolder) {
      this.#renames.add(taken);
      return entry.inside === 0 && safePath !== null ? { path: safePath, modified: entry.modified, content: null, size: 0 } : null;
    }
    const content = await this.#begin(taken);
    if (content === undefined) {
      return null;
    }
    if (typeof content === "string") {
      this.unreadable.push({ path: pathOf(taken), message: content });
      return null;
    }
    if (this.unreadable.length > 0 && !this.#options.leavesOut) {
      // Nothing will be kept. The other files are only tried.
      await content.cancel();
      return null;
    }
    this.made.files += 1;
    this.#renames.add(taken);
    return { path: safePath ?? "", modified: entry.modified, content, size: entry.size };
  }

  /** The content of a file, of which the first piece has come; or why it cannot be had. None of files of the file system that have only streams. */
  async #begin(taken: TakenEntry): Promise<Bytes | string | undefined> {
    const { entry, safePath } = taken;
    if (safePath === null) {
      return words.pathTooLong;
    }
    if (entry.isIncomplete) {
      return words.notStored;
    }
    const reader = this.#contentOf(entry.record, this.#signal).getReader();
    try {
      return this.#counted(reader, await reader.read(), taken);
    } catch (error) {
      this.#signal.throwIfAborted();
      const { code, message } = problemOf(error);
      return entry.isSystem && HAVE_NO_CONTENT.includes(code) ? undefined : message;
    }
  }

  /** The rest of a file, from `first` on. */
  #counted(
    reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
    first: ReadableStreamReadResult<Uint8Array<ArrayBuffer>>,
    taken: TakenEntry,
  ): Bytes {
    let next: typeof first | undefined = first;
    return new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        pull: async (controller) => {
          try {
            const { value, done } = next ?? (await reader.read());
            next = undefined;
            if (done) {
              controller.close();
            } else {
              this.#report({ done: (this.#done += value.length), total: this.#total });
              controller.enqueue(value);
            }
          } catch (error) {
            this.#signal.throwIfAborted();
            throw new UnreadableError([{ path: pathOf(taken), message: problemOf(error).message }]);
          }
        },
        cancel: (reason) => reader.cancel(reason),
      },
      { highWaterMark: 0 },
    );
  }
}

/** Files and folders that have another name than on the volume. */
class Renames {
  readonly first: Renamed[] = [];
  readonly #lines: string[] = [];

  get length(): number {
    return this.#lines.length;
  }

  add(taken: TakenEntry): void {
    const { entry, safePath, isRenamed } = taken;
    if (!isRenamed || safePath === null) {
      return;
    }
    this.#lines.push(words.listLine(safePath, plainName(textOf(entry))));
    if (this.first.length < MOST_RENAMED) {
      this.first.push({ path: pathOf(taken), name: safePath.slice(safePath.lastIndexOf("/") + 1) });
    }
  }

  /** The list, as a file. */
  text(): string {
    return [words.listHead, "", ...this.#lines, ""].join("\n");
  }
}

function sizeOf(files: FileTable, { top, hasSystem }: TakeOptions): number {
  let size = 0;
  for (const { indexes } of files.foldersUnder(top, hasSystem)) {
    for (const index of indexes) {
      const entry = files.entry(index);
      size += entry.isFolder || entry.isLink ? 0 : entry.size;
    }
  }
  return size;
}
