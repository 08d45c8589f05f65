import { h, fill } from "../dom.js";
import { strings } from "../strings.js";

const words = strings.bytes;

/** Which bytes are seen, and which of them stand out. */
export interface Seen {
  /** The first byte, and how many there are of the whole. */
  top: number;
  size: number;
  columns: number;
  rows: number;
  cursor: number;
  /** A line is drawn above each so many bytes, if it is not 0. */
  clusterSize: number;
  /** A byte: a number, null if it is not there, undefined if it is not read yet. */
  byte(offset: number): number | null | undefined;
  /** How its place in a structure is shown. */
  classOf(offset: number): string;
}

/** The rows of bytes, as numbers and as text. */
export class Rows {
  readonly element = h("div", { class: "hex-rows", "aria-hidden": "true" });
  /** Of each byte that is seen, the number and the letter. */
  readonly #cells = new Map<number, HTMLElement[]>();

  draw(seen: Seen): void {
    const { top, size, columns, rows } = seen;
    this.#cells.clear();
    const digits = Math.max(8, (size - 1).toString(16).length);
    const head = h(
      "div",
      { class: "hex-row hex-head" },
      h("span", { class: "hex-offset" }, words.offset.padEnd(digits)),
      h("span", { class: "hex-bytes" }, ...Array.from({ length: columns }, (_, index) => h("span", {}, hex2(index)))),
      h("span", { class: "hex-text" }, words.text),
    );
    const drawn = [head];
    for (let row = 0; row < rows && top + row * columns < size; row += 1) {
      drawn.push(this.#row(seen, top + row * columns, digits));
    }
    fill(this.element, ...drawn);
  }

  /** Marks these bytes, and no others. */
  mark(from: number, to: number): void {
    for (const [offset, cells] of this.#cells) {
      cells.forEach((cell) => cell.classList.toggle("pointed", from <= offset && offset < to));
    }
  }

  #row(seen: Seen, start: number, digits: number): HTMLDivElement {
    const numbers: HTMLElement[] = [];
    const letters: HTMLElement[] = [];
    for (let offset = start; offset < Math.min(start + seen.columns, seen.size); offset += 1) {
      const value = seen.byte(offset);
      const state = [offset === seen.cursor && "cursor", value === 0 && "zero", value === null && "absent", seen.classOf(offset)].filter(Boolean).join(" ");
      const isShown = typeof value === "number";
      const number = h("span", { class: state, "data-at": offset }, isShown ? hex2(value) : value === null ? "··" : "  ");
      const letter = h("span", { class: state, "data-at": offset }, isShown ? printable(value) : " ");
      numbers.push(number);
      letters.push(letter);
      this.#cells.set(offset, [number, letter]);
    }
    const isClusterStart = seen.clusterSize > 0 && start % seen.clusterSize === 0;
    return h(
      "div",
      { class: isClusterStart ? "hex-row cluster-start" : "hex-row" },
      h("span", { class: "hex-offset" }, start.toString(16).padStart(digits, "0")),
      h("span", { class: "hex-bytes" }, ...numbers),
      h("span", { class: "hex-text" }, ...letters),
    );
  }
}

export function hex2(value: number): string {
  return value.toString(16).padStart(2, "0");
}

function printable(value: number): string {
  return value >= 0x20 && value < 0x7f ? String.fromCharCode(value) : ".";
}
