import type { Context } from "../context.js";
import { h } from "../dom.js";
import { strings } from "../strings.js";

const words = strings.convert;

/** Whether the partition that is open is converted, or the whole disk that it is on. */
export class Extent {
  readonly element: HTMLElement;
  readonly #whole = h("input", { type: "radio", name: "extent", id: "extent-disk" });

  constructor({ info }: Context) {
    const partition = info.layers.map((layer) => /^partition (\d+)$/.exec(layer)?.[1]).find((number) => number !== undefined);
    this.element = h(
      "fieldset",
      { class: "convert-extent", hidden: partition === undefined },
      h("legend", {}, words.extent),
      h(
        "label",
        { class: "field inline", for: "extent-partition" },
        h("input", { type: "radio", name: "extent", id: "extent-partition", checked: true }),
        strings.partitions.partition(Number(partition)),
      ),
      h("label", { class: "field inline", for: "extent-disk" }, this.#whole, words.wholeDisk),
    );
  }

  get isWhole(): boolean {
    return this.#whole.checked;
  }
}
