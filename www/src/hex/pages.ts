import type { Bytes, Whole } from "../messages.js";
import type { Session } from "../session.js";

const PAGE = 64 << 10;
const MOST_PAGES = 32;

/** Parts of what is open, as far as they were read: the last ones are kept. */
export class Pages {
  readonly #session: Session;
  readonly #of: Whole;
  readonly #size: number;
  readonly #signal: AbortSignal;
  readonly #pages = new Map<number, Bytes | Promise<void>>();

  constructor(session: Session, of: Whole, size: number, signal: AbortSignal) {
    this.#session = session;
    this.#of = of;
    this.#size = size;
    this.#signal = signal;
  }

  /** A byte: a number, null if it is not there, undefined if it is not read yet. */
  byte(offset: number): number | null | undefined {
    const start = Math.floor(offset / PAGE) * PAGE;
    const page = this.#pages.get(start);
    if (page === undefined || page instanceof Promise) {
      return undefined;
    }
    const at = offset - start;
    return page.absent.some(({ start, end }) => start <= at && at < end) ? null : page.bytes[at];
  }

  /** Reads what is missing of these bytes. */
  async load(from: number, to: number): Promise<void> {
    const end = Math.min(to, this.#size);
    for (let start = Math.floor(from / PAGE) * PAGE; start < end; start += PAGE) {
      const page = this.#pages.get(start) ?? this.#read(start);
      // The last used is the last to go.
      this.#pages.delete(start);
      this.#pages.set(start, page);
      await page;
    }
    for (const start of this.#pages.keys()) {
      if (this.#pages.size <= MOST_PAGES) {
        break;
      }
      this.#pages.delete(start);
    }
  }

  async #read(start: number): Promise<void> {
    try {
      const length = Math.min(PAGE, this.#size - start);
      this.#pages.set(start, await this.#session.ask("bytes", { of: this.#of, offset: start, length }, { signal: this.#signal }));
    } catch (error) {
      this.#pages.delete(start);
      throw error;
    }
  }
}
