/// <reference lib="esnext.disposable" preserve="true" />
import type { Holder, Info, Remains, Report, ResizeLimits, SurveyedFile } from "./documents.js";
import { NtfscloneError } from "./error.js";
import type { Target } from "./formats.js";
import type { Medium } from "./medium.js";
import type { Image as Handle } from "./ntfsclone.js";
import { levelOf, type ContentOptions, type ConvertOptions, type Hole, type LookOptions, type TaskOptions } from "./options.js";
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
  readonly #info: Info;
  readonly #loadCodecs: () => Promise<void>;

  /** @internal */
  static of(medium: Medium, handle: Handle, info: Info, loadCodecs: () => Promise<void>): Image {
    return new Image(medium, handle, info, loadCodecs);
  }

  private constructor(medium: Medium, handle: Handle, info: Info, loadCodecs: () => Promise<void>) {
    this.#tasks = new Tasks(medium, handle);
    this.#info = info;
    this.#loadCodecs = loadCodecs;
  }

  /** What it is, at a glance: the same object as `ntfsclone info --json`. */
  info(): Info {
    return structuredClone(this.#info);
  }

  /** Which clusters are in use, and where their content is. In order, and joined. */
  async extents({ damaged = false, ...options }: LookOptions = {}): Promise<Extent[]> {
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
    offset: number,
    length: number,
    { damaged = false, ...options }: LookOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
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
  async *survey({ damaged = false, ...options }: LookOptions = {}): AsyncGenerator<Surveyed, void, undefined> {
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
  content(
    record: number,
    { stream: name = "", damaged = false, ...options }: ContentOptions = {},
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    const number = whole(record);
    const driver = this.#tasks.start((handle) => handle.content(number, name, damaged), options);
    return outputStream(driver, false) as ReadableStream<Uint8Array<ArrayBuffer>>;
  }

  /** Reads all of it and checks it: the same report as `ntfsclone verify --json`. Damage is no error: it is in the report. */
  async validate(options: TaskOptions = {}): Promise<Report> {
    const driver = this.#tasks.start((handle) => handle.validate(), options);
    return JSON.parse(await driver.finish((task) => task.result())) as Report;
  }

  /** What an image of metadata, made now by `convert("metadata")`, would hold that tells of people. Nothing is written. */
  async remains(options: TaskOptions = {}): Promise<Remains> {
    const driver = this.#tasks.start((handle) => handle.remains(), options);
    return JSON.parse(await driver.finish((task) => task.result())) as Remains;
  }

  /** The least size that `convert` can give the volume, and what does not survive another one. Nothing is written. */
  async resizeLimits(options: TaskOptions = {}): Promise<ResizeLimits> {
    const driver = this.#tasks.start((handle) => handle.resize_limits(), options);
    return JSON.parse(await driver.finish((task) => task.result())) as ResizeLimits;
  }

  /**
   * Converts it, as fast as the stream is read and no faster. Cancel the stream, abort the signal or close the image to
   * stop it.
   */
  convert(target: Target, options: ConvertOptions & { holes: true }): ReadableStream<Uint8Array<ArrayBuffer> | Hole>;
  convert(target: Target, options?: ConvertOptions & { holes?: false }): ReadableStream<Uint8Array<ArrayBuffer>>;
  convert(
    target: Target,
    { disk, size, compress, force = false, holes = false, ...options }: ConvertOptions = {},
  ): ReadableStream<Uint8Array<ArrayBuffer> | Hole> {
    const level = levelOf(compress);
    // 0 is the module's number for the least; 1 is too small, too.
    const bytes = size === undefined ? undefined : size === "min" ? 0n : whole(size) || 1n;
    const driver = this.#tasks.start((handle) => handle.convert(target, disk, bytes, level, force), options);
    return outputStream(driver, holes, level === undefined ? undefined : this.#loadCodecs);
  }

  /** Stops what is under way and gives back what the image holds, at once; resolves when the source is closed, too. */
  close(): Promise<void> {
    return this.#tasks.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Numbers of other kinds would be errors within the module, which would be lost. */
function whole(number: number): bigint {
  if (!Number.isInteger(number) || number < 0) {
    throw new NtfscloneError("argument", `${number} is no whole number from 0 on`);
  }
  return BigInt(number);
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
