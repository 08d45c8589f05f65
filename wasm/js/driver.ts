import { Engine } from "./engine.js";
import { NtfscloneError } from "./error.js";
import { StepKind, type Source, type Task } from "./ntfsclone.js";
import type { TaskOptions } from "./options.js";
import type { RandomAccess } from "./sources/source.js";

/** What a task gives beside its result. */
export type Output =
  | { kind: "bytes"; bytes: Uint8Array<ArrayBuffer> }
  | { kind: "hole"; length: number }
  | { kind: "extents"; extents: BigUint64Array };

const MILLISECONDS_BETWEEN_REPORTS = 100;
/** Longer, and a page would stutter. */
const MILLISECONDS_AT_A_STRETCH = 12;

/** Steps a task of the module to its end: fetches what it wants to read, and lets others have their turn. */
export class Driver {
  readonly #engine: Engine;
  readonly #task: Task;
  readonly #cache: Source;
  readonly #source: RandomAccess;
  readonly #options: TaskOptions;
  readonly #reads = new AbortController();
  /** What whoever waits for a read is told if it is stopped. */
  #interrupt: ((reason: unknown) => void) | undefined;
  #stopped: { reason: unknown } | undefined;
  #isFreed = false;
  #lastReport = -Infinity;
  #lastPause = performance.now();
  #onEnd: () => void;

  constructor(
    engine: Engine,
    task: Task,
    cache: Source,
    source: RandomAccess,
    options: TaskOptions,
    onEnd: () => void = () => {},
  ) {
    this.#engine = engine;
    this.#task = task;
    this.#cache = cache;
    this.#source = source;
    this.#options = options;
    this.#onEnd = onEnd;
    if (options.signal?.aborted) {
      this.#onAbort();
    } else {
      options.signal?.addEventListener("abort", this.#onAbort);
    }
  }

  /** What the task gives next, or nothing at its end. Any error is its end, too. */
  async next(): Promise<Output | undefined> {
    try {
      return await this.#next();
    } catch (error) {
      this.stop(error);
      throw error;
    }
  }

  /** Steps to the end of a task that gives nothing on its way, and takes its result. */
  async finish<T>(result: (task: Task) => T): Promise<T> {
    while (await this.next()) {
      // Nothing is expected.
    }
    try {
      return this.#engine.call(() => result(this.#task));
    } finally {
      this.free();
    }
  }

  /** Ends it, also in the middle of a read. Whoever waits for it gets the reason. */
  stop(reason: unknown): void {
    if (this.#isFreed) {
      return;
    }
    this.#stopped ??= { reason };
    this.free();
    this.#reads.abort(reason);
    this.#interrupt?.(reason);
  }

  /** Gives back what the task holds. */
  free(): void {
    if (!this.#isFreed) {
      this.#isFreed = true;
      this.#options.signal?.removeEventListener("abort", this.#onAbort);
      this.#engine.free(this.#task);
      this.#onEnd();
    }
  }

  readonly #onAbort = (): void => this.stop(this.#options.signal?.reason);

  async #next(): Promise<Output | undefined> {
    for (;;) {
      this.#throwIfStopped();
      const step = this.#engine.call(() => this.#task.step());
      try {
        switch (step.kind) {
          case StepKind.Read:
            await this.#supply(Number(step.offset), Number(step.length));
            break;
          case StepKind.Progress:
            this.#report(Number(step.done), Number(step.total));
            break;
          case StepKind.Bytes:
            return { kind: "bytes", bytes: step.bytes as Uint8Array<ArrayBuffer> };
          case StepKind.Hole:
            return { kind: "hole", length: Number(step.length) };
          case StepKind.Extents:
            return { kind: "extents", extents: numbers(step.bytes as Uint8Array<ArrayBuffer>) };
          case StepKind.Done:
            this.#report(Number(step.done), Number(step.total), true);
            return undefined;
        }
      } finally {
        this.#engine.free(step);
      }
      await this.#pause();
    }
  }

  async #supply(offset: number, length: number): Promise<void> {
    let bytes;
    try {
      const answer = this.#source.read(offset, length, this.#reads.signal);
      bytes = answer instanceof Promise ? await this.#unlessStopped(answer) : answer;
    } catch (cause) {
      this.#throwIfStopped();
      throw cause instanceof NtfscloneError ? cause : unreadable(this.#source.name, offset, length, cause);
    }
    if (bytes.length !== length) {
      const problem = `${bytes.length} bytes came instead of ${length}`;
      throw new NtfscloneError("source", `cannot read ${this.#source.name} at byte ${offset}: ${problem}`, { offset });
    }
    this.#engine.call(() => this.#cache.supply(BigInt(offset), bytes));
  }

  /** Not `Promise.race`: that would keep every read in memory until the last. */
  #unlessStopped<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#interrupt = reject;
      work.then(resolve, reject);
    }).finally(() => (this.#interrupt = undefined));
  }

  #throwIfStopped(): void {
    if (this.#stopped) {
      throw this.#stopped.reason;
    }
  }

  #report(done: number, total: number, isLast = false): void {
    const now = performance.now();
    if (this.#options.onProgress && (isLast || now - this.#lastReport >= MILLISECONDS_BETWEEN_REPORTS)) {
      this.#lastReport = now;
      this.#options.onProgress({ done, total });
    }
  }

  /** Lets timers, input and other tasks have their turn, now and then. */
  async #pause(): Promise<void> {
    if (performance.now() - this.#lastPause >= MILLISECONDS_AT_A_STRETCH) {
      await nextTurn();
      this.#lastPause = performance.now();
    }
  }
}

function unreadable(name: string, offset: number, length: number, cause: unknown): NtfscloneError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NtfscloneError("source", `cannot read ${length} bytes of ${name} at byte ${offset}: ${reason}`, {
    offset,
    cause,
  });
}

function numbers(bytes: Uint8Array<ArrayBuffer>): BigUint64Array {
  return new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / BigUint64Array.BYTES_PER_ELEMENT);
}

/** After what waits in the event loop. A timer would wait for 4 ms each time. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") {
      setImmediate(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
