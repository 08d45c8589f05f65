import { h } from "./dom.js";
import { dropped, hasFiles, type Chosen } from "./files.js";
import { strings } from "./strings.js";

/** Takes files that are dropped anywhere on the page. What is dragged otherwise, such as selected text, is left alone. */
export function takeDrops(choose: (chosen: Promise<Chosen>) => void): void {
  let depth = 0;
  const mark = () => document.documentElement.classList.toggle("is-dropping", depth > 0);
  document.body.append(h("div", { class: "drop-veil", "aria-hidden": "true" }, h("p", {}, strings.empty.dropNow)));
  addEventListener("dragenter", (event) => {
    if (hasFiles(event.dataTransfer)) {
      event.preventDefault();
      depth += 1;
      mark();
    }
  });
  addEventListener("dragleave", (event) => {
    if (hasFiles(event.dataTransfer)) {
      depth = Math.max(0, depth - 1);
      mark();
    }
  });
  addEventListener("dragover", (event) => {
    if (hasFiles(event.dataTransfer)) {
      event.preventDefault();
    }
  });
  addEventListener("drop", (event) => {
    depth = 0;
    mark();
    if (hasFiles(event.dataTransfer)) {
      event.preventDefault();
      choose(dropped(event.dataTransfer));
    } else if (!(event.target instanceof HTMLInputElement)) {
      // A dropped link would take the visitor elsewhere.
      event.preventDefault();
    }
  });
}
