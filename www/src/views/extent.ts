import type { Context } from "../context.js";
import { h } from "../dom.js";
import { partitionOf } from "../partition.js";
import { strings } from "../strings.js";

const words = strings.convert;

/** Whether the partition that is open is converted, or the whole disk that it is on. */
export class Extent {
  readonly element: HTMLElement;
  readonly #whole = h("input", { type: "radio", name: "extent", id: "extent-disk" });

  constructor({ info }: Context) {
    const partition = partitionOf(info);
    this.element = h(
      "fieldset",
      { class: "convert-extent", hidden: partition === null },
      h("legend", {}, words.extent),
      h(
        "label",
        { class: "field inline", for: "extent-partition" },
        h("input", { type: "radio", name: "extent", id: "extent-partition", checked: true }),
        strings.partitions.partition(partition ?? 0),
      ),
      h("label", { class: "field inline", for: "extent-disk" }, this.#whole, words.wholeDisk),
    );
  }

  get isWhole(): boolean {
    return this.#whole.checked;
  }
}
