import type { Context } from "../context.js";
import { fill, h } from "../dom.js";
import { isAbort } from "../failure.js";
import type { Cluster, Holders } from "../messages.js";
import { name, plainName } from "../names.js";
import { count } from "../numbers.js";
import { pathText } from "../paths.js";
import { strings } from "../strings.js";

const words = strings.map;

/** Whose some clusters are: links to the files. */
export class HolderList {
  readonly element = h("ul", { class: "map-holders", "aria-label": words.holders });
  readonly #context: Context;
  #isKnown = false;
  /** What is shown, or was asked for. */
  #at: Cluster | undefined;
  #shown: Promise<string[]> = Promise.resolve([]);

  constructor(context: Context) {
    this.#context = context;
  }

  /** From now on it can be told. */
  begin(): void {
    this.#isKnown = true;
    this.#at = undefined;
  }

  /** Shows whose these are; resolves to their names as text. */
  show(clusters: Cluster): Promise<string[]> {
    if (this.#isKnown && (this.#at?.lcn !== clusters.lcn || this.#at.length !== clusters.length)) {
      this.#at = clusters;
      this.#shown = this.#show(clusters);
    }
    return this.#shown;
  }

  async #show(clusters: Cluster): Promise<string[]> {
    const { session, closed, go } = this.#context;
    let holders: Holders;
    try {
      holders = await session.ask("holders", clusters, { signal: closed });
    } catch (error) {
      if (!isAbort(error)) {
        this.#at = undefined;
      }
      return [];
    }
    if (this.#at !== clusters) {
      // Elsewhere by now.
      return [];
    }
    const { files, others } = holders;
    const texts = files.map(({ path }) => pathText(path));
    const items = files.map(({ record, holder }, index) =>
      h(
        "li",
        {},
        h("span", { class: `swatch ${holder}` }),
        h("button", { type: "button", class: "link", click: () => go({ view: "files", file: record, folder: null }) }, name(texts[index]!)),
      ),
    );
    fill(this.element, ...items, others > 0 && h("li", { class: "muted" }, words.otherHolders(count(others))));
    return [...texts.map(plainName), ...(others > 0 ? [words.otherHolders(count(others))] : [])];
  }
}
