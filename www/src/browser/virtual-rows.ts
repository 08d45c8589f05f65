import { h } from "../dom.js";
import { isAbort } from "../failure.js";

const ROWS_OF_PAGE = 200;
const MOST_PAGES = 50;
/** Rows that are made above and below those that are seen. */
const MARGIN = 12;
/** A limit of browsers: higher elements are not laid out right. */
const MOST_HEIGHT = 16_000_000;

export interface RowSource<T> {
  load(from: number, length: number): Promise<T[]>;
  /** Makes a row; `item` is not known until it is loaded. */
  render(index: number, item: T | undefined): HTMLElement;
}

/** Rows of one height, of which only those exist that are seen: there may be millions. */
export class VirtualRows<T> {
  readonly element = h("div", { class: "rows", role: "rowgroup" });
  readonly #scroller: HTMLElement;
  readonly #rowHeight: number;
  readonly #source: RowSource<T>;
  #length = 0;
  #pages = new Map<number, T[] | Promise<void>>();
  #shown = new Map<number, HTMLElement>();
  #isPlanned = false;

  constructor(scroller: HTMLElement, rowHeight: number, source: RowSource<T>) {
    this.#scroller = scroller;
    this.#rowHeight = rowHeight;
    this.#source = source;
    scroller.addEventListener("scroll", () => this.#plan(), { passive: true });
    new ResizeObserver(() => this.#plan()).observe(scroller);
  }

  /** How many rows can be reached. */
  get length(): number {
    return Math.min(this.#length, Math.floor(MOST_HEIGHT / this.#rowHeight));
  }

  /** How many rows are seen. */
  get perPage(): number {
    return Math.max(1, Math.floor(this.#scroller.clientHeight / this.#rowHeight) - 2);
  }

  /** Begins anew, with so many rows. */
  reset(length: number, scrollTop = 0): void {
    this.#length = length;
    this.#pages = new Map();
    this.element.style.height = `${this.length * this.#rowHeight}px`;
    this.#scroller.scrollTop = scrollTop;
    this.refresh();
  }

  /** Makes all rows that are seen again. */
  refresh(): void {
    this.#shown.forEach((row) => row.remove());
    this.#shown.clear();
    this.#draw();
  }

  /** An item, if it is loaded. */
  item(index: number): T | undefined {
    const page = this.#pages.get(Math.floor(index / ROWS_OF_PAGE));
    return page instanceof Promise ? undefined : page?.[index % ROWS_OF_PAGE];
  }

  /** An item; undefined if there is none. */
  async load(index: number): Promise<T | undefined> {
    if (index < 0 || index >= this.#length) {
      return undefined;
    }
    const page = Math.floor(index / ROWS_OF_PAGE);
    await (this.#pages.get(page) ?? this.#load(page));
    return this.item(index);
  }

  /** Scrolls as little as shows a row. */
  reveal(index: number): void {
    const { scrollTop, clientHeight } = this.#scroller;
    // The head covers what is behind it.
    const head = this.element.offsetTop;
    const top = index * this.#rowHeight;
    if (top < scrollTop) {
      this.#scroller.scrollTop = top;
    } else if (top + this.#rowHeight + head > scrollTop + clientHeight) {
      this.#scroller.scrollTop = top + this.#rowHeight + head - clientHeight;
    }
    this.#draw();
  }

  #plan(): void {
    if (!this.#isPlanned) {
      this.#isPlanned = true;
      requestAnimationFrame(() => {
        this.#isPlanned = false;
        this.#draw();
      });
    }
  }

  #draw(): void {
    const { scrollTop, clientHeight } = this.#scroller;
    const from = Math.max(0, Math.floor(scrollTop / this.#rowHeight) - MARGIN);
    const to = Math.min(this.length, Math.ceil((scrollTop + clientHeight) / this.#rowHeight) + MARGIN);
    for (const [index, row] of this.#shown) {
      if (index < from || index >= to) {
        row.remove();
        this.#shown.delete(index);
      }
    }
    // In their order, as screen readers go through them.
    let before: Element | null = this.element.firstElementChild;
    for (let index = from; index < to; index += 1) {
      const shown = this.#shown.get(index);
      if (shown) {
        before = shown.nextElementSibling;
        continue;
      }
      const row = this.#make(index);
      this.element.insertBefore(row, before);
      this.#shown.set(index, row);
    }
    for (let page = Math.floor(from / ROWS_OF_PAGE); page * ROWS_OF_PAGE < to; page += 1) {
      if (!this.#pages.has(page)) {
        void this.#load(page);
      }
    }
  }

  #make(index: number): HTMLElement {
    const row = this.#source.render(index, this.item(index));
    row.style.transform = `translateY(${index * this.#rowHeight}px)`;
    return row;
  }

  async #load(page: number): Promise<void> {
    const pages = this.#pages;
    const loading = this.#source.load(page * ROWS_OF_PAGE, ROWS_OF_PAGE).then(
      (items) => void pages.set(page, items),
      (error: unknown) => {
        pages.delete(page);
        if (!isAbort(error)) {
          throw error;
        }
      },
    );
    pages.set(page, loading);
    await loading;
    for (const old of pages.keys()) {
      if (pages.size <= MOST_PAGES) {
        break;
      }
      pages.delete(old);
    }
    if (pages === this.#pages) {
      this.#fill(page);
    }
  }

  /** Makes the rows of a page again, which were empty. */
  #fill(page: number): void {
    for (const [index, row] of this.#shown) {
      if (Math.floor(index / ROWS_OF_PAGE) === page) {
        const full = this.#make(index);
        row.replaceWith(full);
        this.#shown.set(index, full);
      }
    }
  }
}
