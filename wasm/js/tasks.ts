import { Driver, type DriverOptions } from "./driver.js";
import { NtfscloneError } from "./error.js";
import type { Medium } from "./medium.js";
import type { Task } from "./ntfsclone.js";

/** What is open in the module, and the tasks that run on it. */
export class Tasks<H extends { free(): void }> {
  readonly #medium: Medium;
  readonly #handle: H;
  /** Weakly: what is under way keeps itself, and a stream that nobody reads any longer is to be freed. */
  readonly #running = new Set<WeakRef<Driver>>();
  #closing: Promise<void> | undefined;

  constructor(medium: Medium, handle: H) {
    this.#medium = medium;
    this.#handle = handle;
  }

  start(begin: (handle: H) => Task, options: DriverOptions): Driver {
    if (this.#closing) {
      throw closed();
    }
    options.signal?.throwIfAborted();
    const task = this.#medium.engine.call(() => begin(this.#handle));
    for (const running of this.#running) {
      if (!running.deref()) {
        this.#running.delete(running);
      }
    }
    const driver: Driver = new Driver(this.#medium, task, options, () => this.#running.delete(running));
    const running = new WeakRef(driver);
    this.#running.add(running);
    return driver;
  }

  /** Stops what is under way and gives back what is open; resolves when the source is closed, too. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const running of [...this.#running]) {
      running.deref()?.stop(closed());
    }
    this.#medium.engine.free(this.#handle);
    this.#medium.free();
    await this.#medium.source.close?.();
  }
}

function closed(): NtfscloneError {
  return new NtfscloneError("closed", "the image is closed");
}
