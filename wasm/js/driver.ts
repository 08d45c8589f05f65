import type { Resized, SurveyedFile } from "./documents.js";
import { NtfscloneError } from "./error.js";
import type { Medium } from "./medium.js";
import { StepKind, type Step, type Task } from "./ntfsclone.js";
import type { ConvertOptions, TaskOptions } from "./options.js";
import { ReadAhead } from "./read-ahead.js";

/** What a task gives beside its result. */
export type Output =
  | { kind: "bytes"; bytes: Uint8Array<ArrayBuffer> }
  | { kind: "hole"; length: number }
  | { kind: "extents"; extents: BigUint64Array }
  | { kind: "files"; files: SurveyedFile[] }
  | { kind: "held"; held: BigUint64Array };

export type DriverOptions = TaskOptions & Pick<ConvertOptions, "reuse" | "onResized" | "onSize"> & {
  /** Gives the memory for the next bytes. */
  memory?: (length: number) => Uint8Array<ArrayBuffer>;
};

const MILLISECONDS_BETWEEN_REPORTS = 100;
/**
 * Reads of one step during which others have their turn: what they read may push out pages that the step needs. After
 * so many, it keeps the turn until it has all of them.
 */
const READS_BESIDE_OTHERS = 8;
/** Longer, and a page would stutter. */
const MILLISECONDS_AT_A_STRETCH = 12;

/** Of whatever task: short ones after each other could leave no turn to others, too. */
let lastPause = performance.now();

/** Takes the listener of a driver from a signal that outlives it. */
const abandoned = new FinalizationRegistry<() => void>((forget) => forget());

/** Steps a task of the module to its end: fetches what it wants to read, and lets others have their turn. */
export class Driver {
  readonly #medium: Medium;
  readonly #task: Task;
  readonly #options: DriverOptions;
  readonly #onEnd: () => void;
  readonly #onAbort: () => void;
  readonly #reads = new AbortController();
  readonly #ahead: ReadAhead;
  /** What rejects whatever is waited for. */
  readonly #interrupts = new Set<(reason: unknown) => void>();
  #stopped: { reason: unknown } | undefined;
  #onStop: ((reason: unknown) => void) | undefined;
  #isFreed = false;
  #total = 0;
  #spare = new Uint8Array();
  #lastReport = -Infinity;

  constructor(medium: Medium, task: Task, options: DriverOptions, onEnd: () => void = () => {}) {
    this.#medium = medium;
    this.#ahead = new ReadAhead(medium.source, this.#reads.signal);
    this.#task = task;
    this.#options = options;
    this.#onEnd = onEnd;
    const { signal } = options;
    // A signal may live long: it must not keep the memory of what nobody waits for any longer.
    const driver = new WeakRef(this);
    this.#onAbort = () => driver.deref()?.stop(signal?.reason);
    if (signal?.aborted) {
      this.#onAbort();
    } else {
      signal?.addEventListener("abort", this.#onAbort);
    }
    if (signal) {
      const onAbort = this.#onAbort;
      abandoned.register(this, () => signal.removeEventListener("abort", onAbort));
    }
  }

  /** What the task gives next, or nothing at its end. Any error is its end, too. */
  async next(): Promise<Output | undefined> {
    try {
      return await this.#unlessStopped(this.#next());
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
      return this.#medium.engine.call(() => result(this.#task));
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
    for (const interrupt of this.#interrupts) {
      interrupt(reason);
    }
    this.#onStop?.(reason);
  }

  /** Calls `report` with the reason if it is stopped from outside, also if nobody waits for it then. */
  whenStopped(report: (reason: unknown) => void): void {
    this.#onStop = report;
    if (this.#stopped) {
      report(this.#stopped.reason);
    }
  }

  /** Gives back what the task holds. */
  free(): void {
    if (!this.#isFreed) {
      this.#isFreed = true;
      this.#options.signal?.removeEventListener("abort", this.#onAbort);
      this.#medium.engine.free(this.#task);
      // What is read ahead is for it alone, and would need what may be closed from now on.
      this.#reads.abort(this.#stopped?.reason);
      this.#onEnd();
    }
  }

  async #next(): Promise<Output | undefined> {
    for (;;) {
      await this.#pause();
      const step = await this.#step();
      if (step === "load") {
        await this.#medium.engine.loadDeferred();
      } else if (step !== "progress") {
        return step;
      }
    }
  }

  /** Goes on until something else than a read comes. */
  async #step(): Promise<Output | "progress" | "load" | undefined> {
    await this.#medium.turns.begin();
    try {
      for (let reads = 1; ; reads += 1) {
        this.#throwIfStopped();
        const step = this.#medium.engine.call(() => this.#task.step(this.#medium.pages));
        const { kind, offset, length, done, total } = step;
        const bytes = kind === StepKind.Bytes ? this.#made(step, Number(length)) : step.bytes;
        this.#medium.engine.free(step);
        switch (kind) {
          case StepKind.Read:
            await this.#supply(Number(offset), Number(length), reads <= READS_BESIDE_OTHERS);
            continue;
          case StepKind.Load:
            return "load";
          case StepKind.Progress:
            this.#report(Number(done), Number(total));
            return "progress";
          case StepKind.Resized:
            this.#options.onResized?.(JSON.parse(new TextDecoder().decode(bytes)) as Resized);
            continue;
          case StepKind.Size:
            this.#options.onSize?.(Number(length));
            continue;
          case StepKind.Bytes:
            this.#report(Number(done), Number(total));
            return { kind: "bytes", bytes: bytes as Uint8Array<ArrayBuffer> };
          case StepKind.Hole:
            this.#report(Number(done), Number(total));
            return { kind: "hole", length: Number(length) };
          case StepKind.Extents:
            return { kind: "extents", extents: numbers(bytes as Uint8Array<ArrayBuffer>) };
          case StepKind.Files:
            this.#report(Number(done), Number(total));
            return { kind: "files", files: JSON.parse(new TextDecoder().decode(bytes)) as SurveyedFile[] };
          case StepKind.Held:
            this.#report(Number(done), Number(total));
            return { kind: "held", held: numbers(bytes as Uint8Array<ArrayBuffer>) };
          case StepKind.Done:
            await this.#medium.source.checkUnchanged?.();
            this.#reportEnd();
            return undefined;
        }
      }
    } finally {
      this.#medium.turns.end();
    }
  }

  /** What was made, in memory of its own, unless that may be used again. Fresh memory takes longer than the copy. */
  #made(step: Step, length: number): Uint8Array {
    const { memory, reuse } = this.#options;
    if (!memory && !reuse) {
      return step.bytes!;
    }
    const bytes = memory ? memory(length) : this.#spareOf(length);
    step.copy_to(bytes);
    return bytes;
  }

  #spareOf(length: number): Uint8Array {
    if (this.#spare.length < length) {
      this.#spare = new Uint8Array(length);
    }
    return this.#spare.subarray(0, length);
  }

  /** Reads what the task asks for. Others have their turn meanwhile if it `isBesideOthers`. */
  async #supply(offset: number, length: number, isBesideOthers: boolean): Promise<void> {
    const { source, turns } = this.#medium;
    if (source.readInto) {
      this.#fill(offset, length);
      return;
    }
    const answer = this.#begin(offset, length);
    if (!(answer instanceof Promise)) {
      this.#take(offset, length, answer);
      return;
    }
    if (isBesideOthers) {
      turns.end();
    }
    try {
      const bytes = await this.#unlessStopped(answer).catch((cause: unknown) => {
        throw this.#readError(offset, length, cause);
      });
      this.#take(offset, length, bytes);
    } finally {
      if (isBesideOthers) {
        await turns.begin();
      }
    }
  }

  #begin(offset: number, length: number): Uint8Array | Promise<Uint8Array> {
    try {
      return this.#ahead.read(offset, length);
    } catch (cause) {
      throw this.#readError(offset, length, cause);
    }
  }

  #readError(offset: number, length: number, cause: unknown): unknown {
    if (this.#stopped) {
      return this.#stopped.reason;
    }
    return cause instanceof NtfscloneError ? cause : unreadable(this.#medium.source.name, offset, length, cause);
  }

  /** Gives the module what it asked for. */
  #take(offset: number, length: number, bytes: Uint8Array): void {
    // The pages are gone if it was stopped since the bytes arrived.
    this.#throwIfStopped();
    this.#checkLength(offset, length, bytes.length);
    this.#medium.engine.call(() => this.#medium.pages.supply(BigInt(offset), bytes));
    this.#medium.source.takeBack?.(bytes);
    this.#ahead.readOn();
  }

  /** Reads straight into the module. */
  #fill(offset: number, length: number): void {
    const { engine, pages, source } = this.#medium;
    let filled: number | undefined;
    let failure: { cause: unknown } | undefined;
    const read = (memory: Uint8Array): number => {
      try {
        filled = source.readInto!(offset, memory);
      } catch (cause) {
        // What the module is to throw on would be a defect of its own.
        failure = { cause };
      }
      return filled ?? 0;
    };
    try {
      engine.call(() => pages.fill(BigInt(offset), length, read));
    } catch (error) {
      if (failure) {
        throw unreadable(source.name, offset, length, failure.cause);
      }
      // Undefined if the module had no memory to read into.
      if (filled !== undefined) {
        this.#checkLength(offset, length, filled);
      }
      throw error;
    }
  }

  #checkLength(offset: number, expected: number, length: number): void {
    if (length !== expected) {
      const problem = `${length} bytes came instead of ${expected}`;
      throw new NtfscloneError("read", `cannot read ${this.#medium.source.name} at byte ${offset}: ${problem}`, { offset });
    }
  }

  /** Not `Promise.race`: that would keep every read in memory until the last. */
  #unlessStopped<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const settled = <V>(settle: (value: V) => void) => (value: V) => {
        this.#interrupts.delete(reject);
        settle(value);
      };
      this.#interrupts.add(reject);
      work.then(settled(resolve), settled(reject));
    });
  }

  #throwIfStopped(): void {
    if (this.#stopped) {
      throw this.#stopped.reason;
    }
  }

  #report(done: number, total: number): void {
    const now = performance.now();
    // Without a total it is not known how far it is.
    if (total > 0 && now - this.#lastReport >= MILLISECONDS_BETWEEN_REPORTS) {
      this.#lastReport = now;
      this.#options.onProgress?.({ done, total });
    }
    this.#total = total || this.#total;
  }

  #reportEnd(): void {
    const total = this.#total || 1;
    this.#options.onProgress?.({ done: total, total });
  }

  /** Lets timers, input and other tasks have their turn, now and then. */
  async #pause(): Promise<void> {
    if (performance.now() - lastPause >= MILLISECONDS_AT_A_STRETCH) {
      await nextTurn();
      lastPause = performance.now();
    }
  }
}

function unreadable(name: string, offset: number, length: number, cause: unknown): NtfscloneError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NtfscloneError("read", `cannot read ${length} bytes of ${name} at byte ${offset}: ${reason}`, {
    offset,
    cause,
  });
}

function numbers(bytes: Uint8Array<ArrayBuffer>): BigUint64Array {
  return new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / BigUint64Array.BYTES_PER_ELEMENT);
}

/** After what waits in the event loop. A timer would wait for 4 ms each time: it is for platforms with nothing else. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") {
      setImmediate(resolve);
      return;
    }
    if (typeof MessageChannel === "undefined") {
      setTimeout(resolve);
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
