import { makeZip } from "client-zip";
import type { Output, Step, Unreadable, Zipped } from "../messages.js";
import { gathered } from "./gathered.js";
import { problemOf, UnreadableError } from "./problem.js";
import type { FileTable } from "./survey/file-table.js";
import { write, type Asked } from "./writing.js";

/** More of them need not be listed. */
const MOST_UNREADABLE = 200;
/** The format counts the bytes of a name with 16 bits. */
const MOST_BYTES_OF_NAME = 65_535;
/** What no system takes in a name, or takes for something else. */
const UNFIT = /[\p{Cc}\p{Cs}\\/:*?"<>|]/gu;
const NOT_STORED = "not all of it is in the image";
const [EARLIEST, LATEST] = [new Date(1980, 0, 1).getTime(), new Date(2107, 11, 31).getTime()];
const MILLISECONDS_BETWEEN_REPORTS = 100;

const encoder = new TextEncoder();

/** Reads the content of a file, by its record. */
type ContentOf = (record: number, signal: AbortSignal) => ReadableStream<Uint8Array<ArrayBuffer>>;

interface ZipEntry {
  name: string;
  lastModified: Date;
  input?: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/**
 * Writes all files in a folder as a zip archive. If one cannot be read, nothing is kept, and the error tells all such files;
 * unless they are to be left out. Of a file that fails in its middle nothing can be left out any more.
 */
export async function writeZip(contentOf: ContentOf, files: FileTable, folder: number, leavesOut: boolean, output: Output, options: Asked): Promise<Zipped> {
  const { onProgress } = options;
  const end = new AbortController();
  const signal = AbortSignal.any([options.signal, end.signal]);
  const unreadable: Unreadable[] = [];
  const made = { files: 0, links: 0 };
  const total = sizeOf(files, folder);
  let done = 0;
  let lastReport = -Infinity;
  const count = (bytes: number) => {
    done += bytes;
    const now = performance.now();
    if (now - lastReport >= MILLISECONDS_BETWEEN_REPORTS) {
      lastReport = now;
      onProgress?.({ done, total });
    }
  };

  async function* entries(): AsyncGenerator<ZipEntry> {
    const names = new Names();
    for (const { entry, path, isEmptyFolder } of files.inside(folder)) {
      signal.throwIfAborted();
      if (encoder.encode(names.fitting(path)).length > MOST_BYTES_OF_NAME) {
        throw new UnreadableError([{ path, message: "its path is too long for a zip archive" }]);
      }
      if (entry.isLink) {
        made.links += 1;
      } else if (entry.holder !== "file" && !entry.isFolder) {
        // The file system's own.
      } else if (entry.isFolder) {
        if (isEmptyFolder) {
          yield { name: `${names.of(path)}/`, ...modified(entry.modified) };
        }
      } else {
        const begun = entry.isIncomplete ? NOT_STORED : await begin(contentOf, entry.record, path, signal, count).catch((error: unknown) => problemOf(error).message);
        if (typeof begun === "string") {
          signal.throwIfAborted();
          unreadable.push({ path, message: begun });
          if (unreadable.length >= MOST_UNREADABLE && !leavesOut) {
            break;
          }
        } else if (unreadable.length > 0 && !leavesOut) {
          // Nothing will come of it: what else there is is looked for.
          await begun.cancel();
        } else {
          made.files += 1;
          yield { name: names.of(path), input: begun, ...modified(entry.modified) };
        }
      }
    }
    if (unreadable.length > 0 && !leavesOut) {
      throw new UnreadableError(unreadable);
    }
  }

  try {
    const written = await write(output, options, () => gathered(makeZip(entries())));
    return { ...written, ...made, unreadable };
  } finally {
    // Should it have failed in the middle of a file.
    end.abort();
  }
}

/** The format has times from 1980 to 2107. */
function modified(time: number | null): { lastModified: Date } {
  return { lastModified: new Date(Math.min(Math.max(time ?? 0, EARLIEST), LATEST)) };
}

function sizeOf(files: FileTable, folder: number): number {
  let size = 0;
  for (const { entry } of files.inside(folder)) {
    size += entry.isFolder || entry.isLink || entry.holder !== "file" ? 0 : entry.size;
  }
  return size;
}

/** The content of a file, of which the first piece has come; fails if it does not. */
async function begin(
  contentOf: ContentOf,
  record: number,
  path: Step[],
  signal: AbortSignal,
  count: (bytes: number) => void,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const reader = contentOf(record, signal).getReader();
  const first = await reader.read();
  let next: Promise<typeof first> | undefined = Promise.resolve(first);
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          const { value, done } = await (next ?? reader.read());
          next = undefined;
          if (done) {
            controller.close();
          } else {
            count(value.length);
            controller.enqueue(value);
          }
        } catch (error) {
          signal.throwIfAborted();
          throw new UnreadableError([{ path, message: problemOf(error).message }]);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

/** Names in the archive: none leads out of it, and none is there twice. */
class Names {
  readonly #given = new Set<string>();

  fitting(path: Step[]): string {
    return path.map(({ name, record }) => fit(name ?? `record ${record}`)).join("/");
  }

  of(path: Step[]): string {
    const name = this.fitting(path);
    const dot = name.lastIndexOf(".") > name.lastIndexOf("/") + 1 ? name.lastIndexOf(".") : name.length;
    let unique = name;
    for (let count = 2; this.#given.has(unique.toLowerCase()); count += 1) {
      unique = `${name.slice(0, dot)} (${count})${name.slice(dot)}`;
    }
    this.#given.add(unique.toLowerCase());
    return unique;
  }
}

function fit(name: string): string {
  const fitting = name.replace(UNFIT, "_");
  return /^\.{0,2}$/.test(fitting) ? "_" : fitting;
}
