import { BLOB, checked, CONTENT, LIST, LOOK, text, whole } from "./arguments.js";
import type { ListedFile, Unlisted } from "./documents.js";
import type { Driver } from "./driver.js";
import { NtfscloneError, type ErrorCode } from "./error.js";
import { FileBlob } from "./file-blob.js";
import { FileEntry, type FileTarget } from "./file-entry.js";
import { FileError, ofPath } from "./file-error.js";
import { Glob } from "./glob.js";
import { Listing, type Image as Handle } from "./ntfsclone.js";
import type { BlobOptions, ContentOptions, ListOptions, LookOptions } from "./options.js";
import { outputStream } from "./output-stream.js";
import type { Tasks } from "./tasks.js";

/** The end of content, wherever that is. */
export const TO_THE_END = (1n << 64n) - 1n;

/** The files of an image by their paths. */
export class Files {
  readonly #tasks: Tasks<Handle>;

  constructor(tasks: Tasks<Handle>) {
    this.#tasks = tasks;
  }

  readdir(path: string, options: ListOptions): AsyncGenerator<FileEntry, void, undefined> {
    return this.#list(path, Listing.Directory, options);
  }

  walk(path: string, options: ListOptions): AsyncGenerator<FileEntry, void, undefined> {
    return this.#list(path, Listing.Tree, options);
  }

  async *search(pattern: string, options: ListOptions): AsyncGenerator<FileEntry, void, undefined> {
    try {
      const glob = new Glob(pattern);
      for await (const entry of this.walk(glob.directory, options)) {
        if (glob.matches(entry.path)) {
          yield entry;
        }
      }
    } catch (error) {
      // Nothing can match in a directory that does not exist.
      if (!isMissing(error)) {
        throw ofPath(error, String(pattern));
      }
    }
  }

  async stat(path: string, options: LookOptions): Promise<FileEntry> {
    const entries: FileEntry[] = [];
    for await (const entry of this.#list(path, Listing.File, checkedIn(path, options, LOOK))) {
      entries.push(entry);
    }
    return entries[0]!;
  }

  async exists(path: string, options: LookOptions): Promise<boolean> {
    try {
      await this.stat(path, options);
      return true;
    } catch (error) {
      if (isMissing(error)) {
        return false;
      }
      throw error;
    }
  }

  async readFile(target: FileTarget, options: ContentOptions): Promise<Uint8Array<ArrayBuffer>> {
    const driver = this.#content(target, options);
    const pieces: { at: number; bytes: Uint8Array<ArrayBuffer> }[] = [];
    let size = 0;
    try {
      for (let output; (output = await driver.next()); ) {
        if (output.kind === "bytes") {
          pieces.push({ at: size, bytes: output.bytes });
          size += output.bytes.length;
        } else if (output.kind === "hole") {
          size += output.length;
        }
      }
      driver.free();
      const [first] = pieces;
      if (first?.bytes.length === size) {
        return first.bytes;
      }
      const all = newBytes(size);
      pieces.forEach(({ at, bytes }) => all.set(bytes, at));
      return all;
    } catch (error) {
      throw ofPath(error, pathOf(target));
    }
  }

  readable(target: FileTarget, options: ContentOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
    const ofTarget = (error: unknown) => ofPath(error, pathOf(target));
    return outputStream(this.#content(target, options), { holes: false, asThrown: ofTarget }) as ReadableStream<Uint8Array<ArrayBuffer>>;
  }

  async blob(target: FileTarget, options: BlobOptions): Promise<FileBlob> {
    const { type = "", stream, ...look } = checkedIn(target, options, BLOB);
    const entry = typeof target === "string" ? await this.stat(stream ? `${target}:${stream}` : target, look) : target;
    const name = (typeof target === "string" ? entry.stream : stream) ?? "";
    // Why it cannot be read is said now.
    await this.readFile(entry, { ...look, stream: name, end: 0 });
    const size = entry.streams.find((other) => other.name === name)?.size ?? entry.size;
    const source = {
      name: entry.name,
      lastModified: entry.mtime?.getTime() ?? 0,
      stream: (start: number, end: number) => this.readable(entry, { ...look, stream: name, start, end }),
      bytes: (start: number, end: number) => this.readFile(entry, { ...look, stream: name, start, end }),
    };
    return new FileBlob(source, 0, size, type);
  }

  async *#list(path: string, listing: Listing, given: ListOptions): AsyncGenerator<FileEntry, void, undefined> {
    try {
      const { damaged = false, system = false, onDamage, ...options } = checked(given, LIST);
      text(path, "a path");
      const driver = this.#tasks.start((handle) => handle.list(path, listing, system, damaged), options);
      try {
        for (let output; (output = await driver.next()); ) {
          for (const item of output.kind === "bytes" ? itemsIn(output.bytes) : []) {
            if ("is_lost" in item) {
              reportDamage(item, onDamage);
            } else {
              yield new FileEntry(item);
            }
          }
        }
      } finally {
        driver.free();
      }
    } catch (error) {
      throw ofPath(error, String(path));
    }
  }

  #content(target: FileTarget, options: ContentOptions): Driver {
    const path = pathOf(target);
    try {
      const { stream = streamOf(target), start = 0, end = TO_THE_END, efsRaw = false, damaged = false, ...more } = checked(options, CONTENT);
      const [first, last] = [whole(start), whole(end)];
      text(path, "a path");
      return this.#tasks.start(
        (handle) =>
          target instanceof FileEntry && target.isFile()
            ? handle.content(BigInt(target.record), stream, first, last, efsRaw, damaged)
            : handle.content_at(path, stream, first, last, efsRaw, damaged),
        more,
      );
    } catch (error) {
      throw ofPath(error, String(path));
    }
  }
}

function pathOf(target: FileTarget): string {
  return target instanceof FileEntry ? target.path : target;
}

/** The stream that an entry is of; of a path, the module finds it. */
function streamOf(target: FileTarget): string {
  return (target instanceof FileEntry && target.isFile() && target.stream) || "";
}

function checkedIn<Options extends object>(target: FileTarget, options: Options, checks: Parameters<typeof checked<Options>>[1]): Options {
  try {
    return checked(options, checks);
  } catch (error) {
    throw ofPath(error, String(pathOf(target)));
  }
}

function itemsIn(json: Uint8Array): (ListedFile | Unlisted)[] {
  return JSON.parse(new TextDecoder().decode(json)) as (ListedFile | Unlisted)[];
}

function reportDamage({ path, is_lost, code, message, offset }: Unlisted, onDamage: ListOptions["onDamage"]): void {
  const cause = new NtfscloneError(code as ErrorCode, message, { offset: offset ?? undefined });
  const error = new FileError(path, cause);
  if (onDamage) {
    onDamage(error);
  } else if (is_lost) {
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof FileError && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

function newBytes(size: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
  } catch (cause) {
    throw new NtfscloneError("memory", `there is not enough memory for ${size} bytes`, { cause });
  }
}
