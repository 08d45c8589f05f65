import type { Context } from "../context.js";
import { fill, h } from "../dom.js";
import { name, plainName } from "../names.js";
import { hexadecimal } from "../numbers.js";
import { strings } from "../strings.js";
import { fieldsAt, type Field } from "../structures/field.js";
import type { Structure } from "../structures/locate.js";

const words = strings.structure;

/** The parts of a structure, as a list: those on the way to a byte are open. */
export class Outline {
  readonly element = h("section", { class: "outline", hidden: true, "aria-label": words.title });
  readonly #context: Context;
  readonly #go: (at: number) => void;

  /** `go` is called with the byte of the volume that a part begins with. */
  constructor(context: Context, go: (at: number) => void) {
    this.#context = context;
    this.#go = go;
  }

  show(structure: Structure | null, at: number): void {
    this.element.hidden = structure === null;
    if (structure === null) {
      fill(this.element);
      return;
    }
    const { start, field } = structure;
    const open = new Set(fieldsAt(field, at - start));
    const scrolled = this.element.querySelector(".outline-list")?.scrollTop ?? 0;
    const list = h("div", { class: "outline-list", tabindex: 0, role: "group", "aria-label": words.parts }, this.#list(field.parts ?? [], start, open));
    fill(this.element, h("header", { class: "outline-head" }, h("h2", {}, name(field.name)), h("span", { class: "muted" }, words.at(hexadecimal(start)))), list);
    list.scrollTop = scrolled;
    this.#reveal(list);
  }

  #list(parts: Field[], start: number, open: Set<Field>): HTMLElement {
    return h("ul", {}, ...parts.map((part) => this.#item(part, start, open)));
  }

  #item(part: Field, start: number, open: Set<Field>): HTMLElement {
    const isOpen = open.has(part);
    const inner = isOpen && part.parts ? this.#list(part.parts, start, open) : null;
    const isHere = isOpen && !part.parts?.some((inner) => open.has(inner));
    return h(
      "li",
      {},
      h(
        "div",
        { class: "outline-row", "aria-current": isHere && "true" },
        h("button", { type: "button", class: part.parts ? "link has-parts" : "link", "aria-expanded": part.parts ? String(isOpen) : null, click: () => this.#go(start + part.offset) }, name(part.name)),
        part.value !== undefined && h("span", { class: "outline-value" }, name(part.value)),
        this.#target(part),
        h("code", { class: "muted" }, `+${hexadecimal(part.offset)}`),
      ),
      inner,
    );
  }

  /** What it names can be gone to. */
  #target({ target }: Field): HTMLElement | null {
    const { info, go } = this.#context;
    if (!target) {
      return null;
    }
    if ("record" in target) {
      return h("button", { type: "button", class: "link", click: () => go({ view: "files", file: target.record, folder: null }) }, words.toFile);
    }
    const at = target.lcn * (info.volume?.cluster_size ?? 1);
    return h("button", { type: "button", class: "link", click: () => go({ view: "bytes", of: "volume", at }) }, words.toCluster);
  }

  /** Scrolls the list, and not the page. */
  #reveal(list: HTMLElement): void {
    const here = list.querySelector<HTMLElement>("[aria-current]");
    if (here) {
      const top = here.offsetTop;
      if (top < list.scrollTop || top + here.offsetHeight > list.scrollTop + list.clientHeight) {
        list.scrollTop = top - list.clientHeight / 3;
      }
    }
  }
}

/** The names of the fields that a byte is in, from the outermost. */
export function pathOf({ start, field }: Structure, at: number): string {
  return fieldsAt(field, at - start)
    .map(({ name }) => plainName(name))
    .join(" › ");
}
