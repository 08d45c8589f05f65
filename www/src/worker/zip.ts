import { makeZip } from "client-zip";
import type { Entry, Output, Renamed, Unreadable, Zip, Zipped } from "../messages.js";
import { plainName } from "../names.js";
import { textOf } from "../paths.js";
import { strings } from "../strings.js";
import { ArchivePaths, pathOf, type Archived } from "./archive-paths.js";
import { batches } from "./batch-stream.js";
import { problemOf, UnreadableError } from "./problem.js";
import type { FileTable } from "./survey/file-table.js";
import { throttled } from "./throttled.js";
import { write, type Asked } from "./writing.js";

const words = strings.zip;

/** More of them need not be listed. */
const MOST_UNREADABLE = 200;
/** So many changed names are sent to the page; the archive lists all of them. */
const MOST_RENAMED = 50;
/** The format has times from 1980 to 2107. */
const [EARLIEST, LATEST] = [new Date(1980, 0, 1).getTime(), new Date(2107, 11, 31).getTime()];

type Bytes = ReadableStream<Uint8Array<ArrayBuffer>>;

/** Reads the content of a file, by its record. */
type ContentOf = (record: number, signal: AbortSignal) => Bytes;

interface ZipEntry {
  name: string;
  lastModified: Date;
  input?: Bytes | string;
}

/**
 * Writes all files in a folder as a zip archive. If one cannot be read, nothing is kept, and the error lists all such files;
 * unless they are to be left out. A file that fails in its middle cannot be left out any more. Names that are not safe on every
 * system are changed; a text in the archive lists them.
 */
export async function writeZip(contentOf: ContentOf, files: FileTable, what: Omit<Zip, "output">, output: Output, options: Asked): Promise<Zipped> {
  const { record, leavesOut } = what;
  // Who takes out a folder of the file system wants what is in it.
  const hasSystem = what.hasSystem || (files.file(record)?.entry.isSystem ?? false);
  const end = new AbortController();
  const signal = AbortSignal.any([options.signal, end.signal]);
  const unreadable: Unreadable[] = [];
  const made = { files: 0, links: 0 };
  const renames = new Renames();
  const paths = new ArchivePaths(files, record, hasSystem, words.listName);
  const total = sizeOf(files, record, hasSystem);
  const report = throttled(options.onProgress);
  let done = 0;
  const count = (bytes: number) => report({ done: (done += bytes), total });

  async function* entries(): AsyncGenerator<ZipEntry> {
    for (const archived of paths.walk()) {
      const { entry, safePath } = archived;
      signal.throwIfAborted();
      if (entry.isLink) {
        made.links += 1;
      } else if (entry.isFolder) {
        renames.add(archived);
        if (entry.inside === 0 && safePath !== null) {
          yield { name: `${safePath}/`, lastModified: modified(entry) };
        }
      } else {
        const content = await begin(contentOf, archived, signal, count);
        if (content === undefined) {
          continue;
        }
        if (typeof content === "string") {
          unreadable.push({ path: pathOf(archived), message: content });
          if (unreadable.length >= MOST_UNREADABLE && !leavesOut) {
            break;
          }
        } else if (unreadable.length > 0 && !leavesOut) {
          // The archive will not be kept. The other files are only tried.
          await content.cancel();
        } else {
          made.files += 1;
          renames.add(archived);
          yield { name: safePath ?? "", input: content, lastModified: modified(entry) };
        }
      }
    }
    if (unreadable.length > 0 && !leavesOut) {
      throw new UnreadableError(unreadable);
    }
    if (renames.length > 0) {
      yield { name: paths.extraName, input: renames.text(), lastModified: new Date() };
    }
  }

  try {
    const written = await write(output, options, () => batches(makeZip(entries())));
    const { length, first } = renames;
    return { ...written, ...made, unreadable, renamed: { length, first, list: paths.extraName } };
  } finally {
    // Should it have failed in the middle of a file.
    end.abort();
  }
}

/** Files and folders that have another name in the archive than on the volume. */
class Renames {
  readonly first: Renamed[] = [];
  readonly #lines: string[] = [];

  get length(): number {
    return this.#lines.length;
  }

  add(archived: Archived): void {
    const { entry, safePath, isRenamed } = archived;
    if (!isRenamed || safePath === null) {
      return;
    }
    this.#lines.push(words.listLine(safePath, plainName(textOf(entry))));
    if (this.first.length < MOST_RENAMED) {
      this.first.push({ path: pathOf(archived), name: safePath.slice(safePath.lastIndexOf("/") + 1) });
    }
  }

  /** The list, for the archive. */
  text(): string {
    return [words.listHead, "", ...this.#lines, ""].join("\n");
  }
}

function modified({ modified }: Entry): Date {
  return new Date(Math.min(Math.max(modified ?? 0, EARLIEST), LATEST));
}

function sizeOf(files: FileTable, folder: number, hasSystem: boolean): number {
  let size = 0;
  for (const { indexes } of files.foldersIn(folder, hasSystem)) {
    for (const index of indexes) {
      const entry = files.entry(index);
      size += entry.isFolder || entry.isLink ? 0 : entry.size;
    }
  }
  return size;
}

/** The content of a file, of which the first piece has come; or why it cannot be had. None of files of the file system that have only streams. */
async function begin(contentOf: ContentOf, archived: Archived, signal: AbortSignal, count: (bytes: number) => void): Promise<Bytes | string | undefined> {
  const { entry, safePath } = archived;
  if (safePath === null) {
    return words.pathTooLong;
  }
  if (entry.isIncomplete) {
    return words.notStored;
  }
  const reader = contentOf(entry.record, signal).getReader();
  try {
    return counted(reader, await reader.read(), archived, signal, count);
  } catch (error) {
    signal.throwIfAborted();
    const { code, message } = problemOf(error);
    return code === "no-file" && entry.isSystem ? undefined : message;
  }
}

/** The rest of a file, from `first` on. */
function counted(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  first: ReadableStreamReadResult<Uint8Array<ArrayBuffer>>,
  archived: Archived,
  signal: AbortSignal,
  count: (bytes: number) => void,
): Bytes {
  let next: typeof first | undefined = first;
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          const { value, done } = next ?? (await reader.read());
          next = undefined;
          if (done) {
            controller.close();
          } else {
            count(value.length);
            controller.enqueue(value);
          }
        } catch (error) {
          signal.throwIfAborted();
          throw new UnreadableError([{ path: pathOf(archived), message: problemOf(error).message }]);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
