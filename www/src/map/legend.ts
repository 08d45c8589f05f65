import { h } from "../dom.js";
import { KINDS, type Counted, type Kind } from "../kinds.js";
import { size } from "../numbers.js";
import { strings } from "../strings.js";
import { contentsOf } from "./coverage.js";

const words = strings.map;

/** What the colours mean, and how much there is of each: of the whole volume, if that is known. */
export function legend(whole: Counted | undefined, clusters: number, clusterSize: number, isImage: boolean, hasMft: boolean): HTMLElement {
  const item = (swatch: string, label: string, clusters?: number) =>
    h(
      "li",
      {},
      h("span", { class: `swatch ${swatch}` }),
      h("span", { class: "legend-name" }, label),
      clusters !== undefined && h("strong", {}, size(clusters * clusterSize)),
      clusters !== undefined && h("span", { class: "muted" }, words.clusters(clusters)),
    );
  const items: HTMLElement[] = [];
  if (whole) {
    const { kinds, free } = contentsOf(whole, 0, clusters);
    const there = KINDS.filter((kind) => kinds.has(kind));
    items.push(...there.map((kind) => item(swatchOf(kind), words.kinds[kind], kinds.get(kind))), item("free", words.free, free));
  } else {
    items.push(item("used", isImage ? words.inImage : words.used), item("free", words.free));
  }
  if (hasMft) {
    items.push(item("mark", words.mft));
  }
  return h("ul", { class: whole ? "legend with-counts" : "legend", "aria-label": words.legend }, ...items);
}

/** The class of what shows the colour of a kind. */
export function swatchOf(kind: Kind): string {
  return kind === "used" ? "unknown" : kind;
}
