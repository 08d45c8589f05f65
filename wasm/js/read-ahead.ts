import type { RandomAccess } from "./sources/source.js";

/** Shorter reads are rarely followed by the next. */
const LONG = 1 << 20;

type Answer = ReturnType<RandomAccess["read"]>;

/** Where long reads follow each other, begins the next one while what came is worked on. */
export class ReadAhead {
  readonly #source: RandomAccess;
  readonly #signal: AbortSignal;
  /** Where the last read began and ended, and whether it followed another. */
  #last = { start: 0, end: 0, follows: false };
  #next: { start: number; end: number; answer: Answer } | undefined;

  constructor(source: RandomAccess, signal: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
  }

  read(offset: number, length: number): Answer {
    const [start, end] = [offset, offset + length];
    const next = this.#next;
    this.#next = undefined;
    this.#last = { start, end, follows: start === this.#last.end };
    if (next?.start === start && next.end === end) {
      return next.answer;
    }
    return this.#source.read(offset, length, this.#signal);
  }

  /** What was read is no longer needed. */
  readOn(): void {
    const { start: last, end: start, follows } = this.#last;
    const length = Math.min(start - last, this.#source.size - start);
    if (!follows || length < LONG) {
      return;
    }
    try {
      const answer = this.#source.read(start, length, this.#signal);
      // It is told if it is asked for.
      Promise.resolve(answer).catch(() => {});
      this.#next = { start, end: start + length, answer };
    } catch {
      // It is tried again when it is asked for.
    }
  }
}
