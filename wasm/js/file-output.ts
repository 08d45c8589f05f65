import { watchCodecs } from "./codecs.js";
import type { Driver, DriverOptions } from "./driver.js";
import { NtfscloneError } from "./error.js";

/** The part of a `FileSystemFileHandle` that is used. */
export interface WritableFileHandle {
  readonly name?: string;
  createWritable(): Promise<WritableFile>;
}

/** The part of a `FileSystemWritableFileStream` that is used. */
export interface WritableFile {
  write(data: { type: "write"; position: number; data: Uint8Array<ArrayBuffer> }): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
  abort(reason?: unknown): Promise<void>;
}

/** What was written into a file. */
export interface Saved {
  /** The size of the file, in bytes. */
  size: number;
  /** How many of them are zeros that were left out: the file has holes there. */
  holes: number;
}

/** Bytes of one write: as many as the module reads in one call, meanwhile. Smaller writes would wait for the end of that call. */
const BYTES_OF_WRITE = 16 << 20;
/** A piece that exceeds them a bit: an image has a byte before each cluster. */
const CAPACITY = BYTES_OF_WRITE + (64 << 10);
/** Beside the one that was just begun: the browser does them one after the other. */
const WRITES_IN_FLIGHT = 1;

/**
 * Writes what a task makes into a file, which gets it when it is complete. If it fails, the file stays as it was.
 * @internal
 */
export async function save(
  handle: WritableFileHandle,
  start: (memory: NonNullable<DriverOptions["memory"]>) => Driver,
  { signal, loadCodecs }: { signal?: AbortSignal | undefined; loadCodecs?: (() => Promise<void>) | undefined },
): Promise<Saved> {
  const name = handle.name ?? "the file";
  const writable = await handle.createWritable().catch((cause: unknown) => {
    throw notWritten(name, cause);
  });
  const output = new FileOutput(name, writable);
  let driver: Driver | undefined;
  let crash: () => NtfscloneError | undefined = () => undefined;
  try {
    signal?.throwIfAborted();
    driver = start((length) => output.space(length));
    await loadCodecs?.();
    crash = loadCodecs ? watchCodecs() : crash;
    for (let made; (made = await driver.next()); ) {
      if (made.kind === "bytes") {
        await output.filled(made.bytes.length);
      } else if (made.kind === "hole") {
        await output.hole(made.length);
      }
    }
    return await output.finish(signal);
  } catch (error) {
    driver?.stop(error);
    await writable.abort().catch(() => {});
    throw crash() ?? error;
  } finally {
    driver?.free();
  }
}

/** Gathers pieces, and writes them while the next are made. */
class FileOutput {
  readonly #name: string;
  readonly #file: WritableFile;
  #memory: Uint8Array<ArrayBuffer> | undefined;
  /** Bytes in `#memory`, which are to be written at `#position`. */
  #gathered = 0;
  #position = 0;
  #holes = 0;
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  readonly #writes: { done: Promise<void>; memory: Uint8Array<ArrayBuffer> }[] = [];

  constructor(name: string, file: WritableFile) {
    this.#name = name;
    this.#file = file;
  }

  /** Memory for the next piece. */
  space(length: number): Uint8Array<ArrayBuffer> {
    if (this.#memory && this.#gathered + length > this.#memory.length) {
      this.#write();
    }
    this.#memory ??= this.#spare.pop() ?? new Uint8Array(CAPACITY);
    if (length > this.#memory.length) {
      this.#memory = new Uint8Array(length);
    }
    return this.#memory.subarray(this.#gathered, this.#gathered + length);
  }

  /** The memory has a piece of that length. */
  async filled(length: number): Promise<void> {
    this.#gathered += length;
    if (this.#gathered >= BYTES_OF_WRITE) {
      this.#write();
    }
    await this.#settle(WRITES_IN_FLIGHT);
  }

  async hole(length: number): Promise<void> {
    this.#write();
    this.#position += length;
    this.#holes += length;
    await this.#settle(WRITES_IN_FLIGHT);
  }

  /** All is made. */
  async finish(signal: AbortSignal | undefined): Promise<Saved> {
    this.#write();
    await this.#settle(0);
    signal?.throwIfAborted();
    const size = this.#position;
    try {
      // There may be a hole at the end.
      await this.#file.truncate(size);
      await this.#file.close();
    } catch (cause) {
      throw notWritten(this.#name, cause);
    }
    return { size, holes: this.#holes };
  }

  #write(): void {
    const memory = this.#memory;
    if (!memory || this.#gathered === 0) {
      return;
    }
    const done = this.#file.write({ type: "write", position: this.#position, data: memory.subarray(0, this.#gathered) });
    // It is reported when it is waited for.
    done.catch(() => {});
    this.#writes.push({ done, memory });
    this.#position += this.#gathered;
    this.#gathered = 0;
    this.#memory = undefined;
  }

  /** Waits until at most so many writes are in flight. */
  async #settle(most: number): Promise<void> {
    while (this.#writes.length > most) {
      const { done, memory } = this.#writes.shift()!;
      try {
        await done;
      } catch (cause) {
        throw notWritten(this.#name, cause);
      }
      this.#spare.push(memory);
    }
  }
}

function notWritten(name: string, cause: unknown): NtfscloneError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NtfscloneError("write", `cannot write ${name}: ${reason}`, { cause });
}
