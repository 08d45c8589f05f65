/// <reference lib="esnext.disposable" preserve="true" />
import { checked, CONVERT_DISK, SAVE_DISK, text } from "./arguments.js";
import { compressedBy } from "./compression.js";
import type { Driver, DriverOptions } from "./driver.js";
import { partitionsOf } from "./engine.js";
import type { Partition } from "./error.js";
import { save, type Saved, type WritableFileHandle } from "./file-output.js";
import type { Target } from "./formats.js";
import type { Medium } from "./medium.js";
import type { Disk as Handle } from "./ntfsclone.js";
import type { ConvertDiskOptions, Hole, SaveDiskOptions } from "./options.js";
import { outputStream } from "./output-stream.js";
import { Tasks } from "./tasks.js";

/** A disk with all its partitions that is open. */
export class WholeDisk {
  /** In bytes. */
  readonly size: number;
  readonly #partitions: Partition[];
  readonly #tasks: Tasks<Handle>;
  readonly #loadCodecs: () => Promise<void>;

  /** @internal */
  static of(medium: Medium, handle: Handle, loadCodecs: () => Promise<void>): WholeDisk {
    return new WholeDisk(medium, handle, loadCodecs);
  }

  private constructor(medium: Medium, handle: Handle, loadCodecs: () => Promise<void>) {
    this.size = medium.engine.call(() => Number(handle.size));
    this.#partitions = medium.engine.call(() => partitionsOf(handle.partitions));
    this.#tasks = new Tasks(medium, handle);
    this.#loadCodecs = loadCodecs;
  }

  /** In the order of its table. */
  get partitions(): Partition[] {
    return structuredClone(this.#partitions);
  }

  /**
   * Converts the disk: of NTFS volumes the clusters in use, all else as it is. Formats that hold one volume are refused.
   * Cancel the stream, abort the signal or close the disk to stop it.
   */
  convert(target: Target, options: ConvertDiskOptions & { holes: true }): ReadableStream<Uint8Array<ArrayBuffer> | Hole>;
  convert(target: Target, options?: ConvertDiskOptions & { holes?: false }): ReadableStream<Uint8Array<ArrayBuffer>>;
  convert(target: Target, options: ConvertDiskOptions = {}): ReadableStream<Uint8Array<ArrayBuffer> | Hole> {
    const { holes = false, ...more } = checked(options, CONVERT_DISK);
    const driver = this.#convert(target, more);
    return outputStream(driver, { holes, reuse: more.reuse, loadCodecs: more.compress ? this.#loadCodecs : undefined });
  }

  /** Converts the disk into a file that somebody chose, as `save` of an image does. */
  async save(target: Target, file: WritableFileHandle, options: SaveDiskOptions = {}): Promise<Saved> {
    const { signal, compress } = checked(options, SAVE_DISK);
    const start = (memory: (length: number) => Uint8Array<ArrayBuffer>) => this.#convert(target, { ...options, memory });
    return save(file, start, { signal, loadCodecs: compress ? this.#loadCodecs : undefined });
  }

  #convert(target: Target, { compress, time, note, source, force = false, ...more }: Omit<ConvertDiskOptions, "holes"> & DriverOptions): Driver {
    const format = text(target, "the format");
    const compressed = () => compressedBy({ compress, time, note, source });
    return this.#tasks.start((handle) => handle.convert(format, compressed(), force), more);
  }

  /** Stops what is under way and gives back what is open, at once; resolves when the source is closed, too. */
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
