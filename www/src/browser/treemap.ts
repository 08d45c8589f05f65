import { fill, h } from "../dom.js";
import type { Entry, Listed } from "../messages.js";
import { name, plainName } from "../names.js";
import { count, size } from "../numbers.js";
import { textOf } from "../paths.js";
import { strings } from "../strings.js";
import { boxes, type Box } from "./boxes.js";

const words = strings.files;
const LEAST_WIDTH_OF_NAME = 56;
const LEAST_HEIGHT_OF_NAME = 22;

/** What takes the space in a folder, as boxes. The list has the same, and more. */
export class Treemap {
  readonly element: HTMLElement;
  readonly #picture = h("div", { class: "treemap", "aria-hidden": "true" });
  readonly #open: (entry: Entry) => void;
  #listed: Listed | undefined;

  constructor(open: (entry: Entry) => void) {
    this.#open = open;
    this.element = h("div", { class: "treemap-frame", hidden: true }, this.#picture, h("p", { class: "muted treemap-note" }, words.picture));
    new ResizeObserver(() => this.#draw()).observe(this.#picture);
  }

  show(listed: Listed): void {
    this.#listed = listed;
    this.#draw();
  }

  #draw(): void {
    const { clientWidth: width, clientHeight: height } = this.#picture;
    if (this.#listed && width > 0) {
      fill(this.#picture, ...boxes(this.#listed, width, height).map((box) => this.#box(box)));
    }
  }

  #box({ entry, entries, room, left, top, width, height }: Box): HTMLElement {
    const text = entry ? textOf(entry) : words.other(count(entries));
    const hasRoom = width >= LEAST_WIDTH_OF_NAME && height >= LEAST_HEIGHT_OF_NAME;
    const box = h(
      "div",
      { class: `box ${entry?.holder ?? "others"}${entry ? " opens" : ""}`, title: `${plainName(text)} · ${size(room)}` },
      hasRoom && h("span", { class: "box-name" }, name(text)),
      hasRoom && height >= 2 * LEAST_HEIGHT_OF_NAME && h("span", { class: "box-room" }, size(room)),
    );
    if (entry) {
      box.addEventListener("click", () => this.#open(entry));
    }
    Object.assign(box.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    return box;
  }
}
