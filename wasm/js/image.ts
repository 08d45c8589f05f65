/// <reference lib="esnext.disposable" preserve="true" />
import { checked, CONTENT, CONVERT, LOOK, SAVE, TASK, text, whole } from "./arguments.js";
import { compressedBy } from "./compression.js";
import type { Holder, Info, Remains, Report, ResizeLimits, SurveyedFile } from "./documents.js";
import type { Driver, DriverOptions } from "./driver.js";
import type { FileBlob } from "./file-blob.js";
import type { FileEntry, FileTarget } from "./file-entry.js";
import { save, type Saved, type WritableFileHandle } from "./file-output.js";
import { Files, TO_THE_END } from "./files.js";
import type { Target } from "./formats.js";
import type { Medium } from "./medium.js";
import type { Image as Handle } from "./ntfsclone.js";
import type {
  BlobOptions,
  ContentOptions,
  ConvertOptions,
  Hole,
  ListOptions,
  LookOptions,
  SaveOptions,
  TaskOptions,
} from "./options.js";
import { outputStream } from "./output-stream.js";
import { Tasks } from "./tasks.js";

/** Consecutive clusters in use. */
export interface Extent {
  /** The first cluster. */
  lcn: number;
  /** How many clusters. */
  length: number;
  /**
   * Where they begin in the volume, or in the image, decompressed: in bytes. In an image, a byte comes before the content
   * of each cluster.
   */
  offset: number;
}

/** Clusters, and whose they are. On a damaged volume several files may have them, or they are past its end. */
export interface Held {
  /** The first cluster. */
  lcn: number;
  /** How many clusters. */
  length: number;
  /** The record of the file. */
  record: number;
  holder: Holder;
}

/** The next files that a survey found, or the clusters of some. */
export type Surveyed = { files: SurveyedFile[] } | { held: Held[] };

/** In the order of the module's numbers for them. */
const HOLDERS: readonly Holder[] = ["mft", "system", "directory", "file", "bad"];

/** An image or a volume that is open. Several things can be asked of it at the same time. */
export class Image {
  readonly #tasks: Tasks<Handle>;
  readonly #files: Files;
  readonly #info: Info;
  readonly #loadCodecs: () => Promise<void>;

  /** @internal */
  static of(medium: Medium, handle: Handle, info: Info, loadCodecs: () => Promise<void>): Image {
    return new Image(medium, handle, info, loadCodecs);
  }

  private constructor(medium: Medium, handle: Handle, info: Info, loadCodecs: () => Promise<void>) {
    this.#tasks = new Tasks(medium, handle);
    this.#files = new Files(this.#tasks);
    this.#info = info;
    this.#loadCodecs = loadCodecs;
  }

  /** What it is, at a glance: the same object as `ntfsclone info --json`. */
  info(): Info {
    return structuredClone(this.#info);
  }

  /**
   * Lists the entries of a directory, in the order of Windows. Paths are compared as Windows does it, in any case; `/` and
   * `\\` separate names. Without the file system's own files, unless `system` is true.
   * @throws {FileError} `ENOENT`, `ENOTDIR`, `EIO`
   * @example for await (const { name, kind, size } of image.readdir("/Users")) console.log(name, kind, size);
   */
  readdir(path = "/", options: ListOptions = {}): AsyncGenerator<FileEntry, void, undefined> {
    return this.#files.readdir(path, options);
  }

  /**
   * Lists all that is below a directory, each directory before its entries. A file has an entry for each hard link.
   * @throws {FileError} `ENOENT`, `ENOTDIR`, `EIO`
   */
  walk(path = "/", options: ListOptions = {}): AsyncGenerator<FileEntry, void, undefined> {
    return this.#files.walk(path, options);
  }

  /**
   * Lists what matches a pattern, in any case: `*` and `?` within a name, `[a-z]`, `{a,b}`, and `**` for any directories.
   * @throws {FileError} `EINVAL`, `EIO`
   * @example for await (const { path } of image.search("Users/**" + "/*.{jpg,png}")) console.log(path);
   */
  search(pattern: string, options: ListOptions = {}): AsyncGenerator<FileEntry, void, undefined> {
    return this.#files.search(pattern, options);
  }

  /**
   * What is known of a file, a directory, or a stream (`/a.txt:name`). Links are not followed: `target` is where they lead.
   * @throws {FileError} `ENOENT`, `ENOTDIR`, `EIO`
   */
  stat(path: string, options: LookOptions = {}): Promise<FileEntry> {
    return this.#files.stat(path, options);
  }

  /**
   * Whether there is such a file, directory or stream.
   * @throws {FileError} `EIO`: that cannot be found out
   */
  exists(path: string, options: LookOptions = {}): Promise<boolean> {
    return this.#files.exists(path, options);
  }

  /**
   * Reads the content of a file, or the bytes from `start` on, before `end`; no more of the source is read than that.
   * @throws {FileError} `ENOENT`, `ENOTDIR`, `EISDIR`, `ELOOP`, `EACCES`, `ENOTSUP`, `ENOMEM`, `EIO`
   * @example new TextDecoder().decode(await image.readFile("/a.txt", { start: 0, end: 100 }));
   */
  readFile(file: FileTarget, options: ContentOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return this.#files.readFile(file, options);
  }

  /**
   * The content of a file, as fast as the stream is read and no faster. It fails with the errors of `readFile`.
   * @throws {FileError} `EINVAL`, `EBADF`
   */
  readable(file: FileTarget, options: ContentOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#files.readable(file, options);
  }

  /**
   * A file with the methods of a `Blob`, which reads only what is asked for. `open` takes it, too: an image in an image.
   * @throws {FileError} the errors of `readFile`, now
   */
  blob(file: FileTarget, options: BlobOptions = {}): Promise<FileBlob> {
    return this.#files.blob(file, options);
  }

  /** Which clusters are in use, and where their content is. In order, and joined. */
  async extents(look: LookOptions = {}): Promise<Extent[]> {
    const { damaged = false, ...options } = checked(look, LOOK);
    const driver = this.#tasks.start((handle) => handle.extents(damaged), options);
    const extents: Extent[] = [];
    for (let output; (output = await driver.next()); ) {
      if (output.kind === "extents") {
        append(extents, output.extents);
      }
    }
    driver.free();
    return extents;
  }

  /**
   * Bytes of the volume, as it would be restored: what an image does not have is zero. Fewer than `length` at the end of
   * the volume.
   */
  async read(
    offset: number | bigint,
    length: number | bigint,
    look: LookOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { damaged = false, ...options } = checked(look, LOOK);
    const [start, count] = [whole(offset), whole(length)];
    const driver = this.#tasks.start((handle) => handle.read(start, count, damaged), options);
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for (let output; (output = await driver.next()); ) {
      if (output.kind === "bytes") {
        pieces.push(output.bytes);
      }
    }
    driver.free();
    return pieces.length === 1 ? pieces[0]! : joined(pieces);
  }

  /**
   * Walks over all files in use: their names and sizes, in the order of their records, and, after each some, the clusters
   * they have. What is damaged is left out.
   */
  async *survey(look: LookOptions = {}): AsyncGenerator<Surveyed, void, undefined> {
    const { damaged = false, ...options } = checked(look, LOOK);
    const driver = this.#tasks.start((handle) => handle.survey(damaged), options);
    try {
      for (let output; (output = await driver.next()); ) {
        if (output.kind === "files") {
          yield { files: output.files };
        } else if (output.kind === "held") {
          yield { held: heldIn(output.held) };
        }
      }
    } finally {
      driver.free();
    }
  }

  /**
   * The content of the file with that record, or of its stream of that name, as fast as the stream is read and no faster.
   * It fails where content cannot be had, as of encrypted files, or is not in the image: never are zeros in its place.
   */
  content(record: number, options: ContentOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    const { stream = "", start = 0, end = TO_THE_END, efsRaw = false, damaged = false, ...more } = checked(options, CONTENT);
    const [number, first, last] = [whole(record), whole(start), whole(end)];
    const driver = this.#tasks.start((handle) => handle.content(number, stream, first, last, efsRaw, damaged), more);
    return outputStream(driver, { holes: false }) as ReadableStream<Uint8Array<ArrayBuffer>>;
  }

  /** Reads all of it and checks it: the same report as `ntfsclone verify --json`. Damage is no error: it is in the report. */
  async validate(options: TaskOptions = {}): Promise<Report> {
    const driver = this.#tasks.start((handle) => handle.validate(), checked(options, TASK));
    return JSON.parse(await driver.finish((task) => task.result())) as Report;
  }

  /** What an image of metadata, made now by `convert("metadata")`, would hold that tells of people. Nothing is written. */
  async remains(options: TaskOptions = {}): Promise<Remains> {
    const driver = this.#tasks.start((handle) => handle.remains(), checked(options, TASK));
    return JSON.parse(await driver.finish((task) => task.result())) as Remains;
  }

  /** The least size that `convert` can give the volume, and what does not survive another one. Nothing is written. */
  async resizeLimits(options: TaskOptions = {}): Promise<ResizeLimits> {
    const driver = this.#tasks.start((handle) => handle.resize_limits(), checked(options, TASK));
    return JSON.parse(await driver.finish((task) => task.result())) as ResizeLimits;
  }

  /**
   * Converts it, as fast as the stream is read and no faster. Cancel the stream, abort the signal or close the image to
   * stop it.
   */
  convert(target: Target, options: ConvertOptions & { holes: true }): ReadableStream<Uint8Array<ArrayBuffer> | Hole>;
  convert(target: Target, options?: ConvertOptions & { holes?: false }): ReadableStream<Uint8Array<ArrayBuffer>>;
  convert(target: Target, options: ConvertOptions = {}): ReadableStream<Uint8Array<ArrayBuffer> | Hole> {
    const { holes = false, ...more } = checked(options, CONVERT);
    const driver = this.#convert(target, more);
    return outputStream(driver, { holes, reuse: more.reuse, loadCodecs: more.compress ? this.#loadCodecs : undefined });
  }

  /**
   * Converts it into a file that somebody chose (`showSaveFilePicker`), in less time than a stream can. The file gets its content
   * when that is complete; if it fails or is stopped, the file stays as it was.
   * @throws {NtfscloneError} `write`: the file could not be written
   */
  async save(target: Target, file: WritableFileHandle, options: SaveOptions = {}): Promise<Saved> {
    const { signal, compress } = checked(options, SAVE);
    const start = (memory: (length: number) => Uint8Array<ArrayBuffer>) => this.#convert(target, { ...options, memory });
    return save(file, start, { signal, loadCodecs: compress ? this.#loadCodecs : undefined });
  }

  #convert(target: Target, { disk, size, compress, time, note, source, force = false, ...more }: Omit<ConvertOptions, "holes"> & DriverOptions): Driver {
    // 0 is the module's number for the least; 1 is too small, too.
    const bytes = size === undefined ? undefined : size === "min" ? 0n : whole(size) || 1n;
    const format = text(target, "the format");
    const compressed = () => compressedBy({ compress, time, note, source });
    return this.#tasks.start((handle) => handle.convert(format, disk, bytes, compressed(), force), more);
  }

  /** Stops what is under way and gives back what the image holds, at once; resolves when the source is closed, too. */
  close(): Promise<void> {
    return this.#tasks.close();
  }

  /** The same as `close()`, for `using`: an error of closing the source has nobody to go to. */
  [Symbol.dispose](): void {
    this.close().catch(() => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function append(extents: Extent[], triples: BigUint64Array): void {
  for (let at = 0; at + 2 < triples.length; at += 3) {
    const [lcn, length, offset] = triples.subarray(at, at + 3);
    extents.push({ lcn: Number(lcn), length: Number(length), offset: Number(offset) });
  }
}

function heldIn(numbers: BigUint64Array): Held[] {
  const held: Held[] = [];
  for (let at = 0; at + 3 < numbers.length; at += 4) {
    const [lcn, length, record, holder] = numbers.subarray(at, at + 4);
    held.push({
      lcn: Number(lcn),
      length: Number(length),
      record: Number(record),
      holder: HOLDERS[Number(holder)] ?? "file",
    });
  }
  return held;
}

function joined(pieces: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
