import type { Context } from "../context.js";
import { h, icon } from "../dom.js";
import type { FileFacts } from "../messages.js";
import { name } from "../names.js";
import { count, size } from "../numbers.js";
import { pathText, textOf } from "../paths.js";
import { strings } from "../strings.js";

const words = strings.file;

/** A file: what it is, where its bytes are, and what can be done with it. */
export function fileCard(context: Context, facts: FileFacts, close: () => void): HTMLElement {
  const { entry, path } = facts;
  const clusterSize = context.info.volume?.cluster_size ?? 1;
  return h(
    "section",
    { class: "card file-card", "aria-label": words.title },
    h(
      "header",
      { class: "card-header" },
      h("h2", {}, name(textOf(entry))),
      h("button", { type: "button", class: "quiet small icon-only", "aria-label": words.close, title: words.close, click: close }, icon("close")),
    ),
    h(
      "dl",
      { class: "file-facts" },
      fact(words.path, name(pathText(path))),
      fact(words.content, size(entry.size)),
      fact(words.room, size(entry.room)),
      fact(words.record, count(entry.record)),
      fact(words.pieces, places(context, facts, clusterSize)),
    ),
  );
}

function fact(term: string, value: HTMLElement | string): HTMLElement {
  return h("div", {}, h("dt", {}, term), h("dd", {}, value));
}

/** Where its clusters are: each leads to its bytes. */
function places({ go }: Context, { runs, pieces }: FileFacts, clusterSize: number): HTMLElement | string {
  if (pieces === 0) {
    return words.resident;
  }
  const links = runs.map(({ lcn, length }) =>
    h(
      "li",
      {},
      h("button", { type: "button", class: "link", click: () => go({ view: "bytes", of: "volume", at: lcn * clusterSize }) }, words.place(count(lcn))),
      h("span", { class: "muted" }, ` ${size(length * clusterSize)}`),
    ),
  );
  const left = pieces - runs.length;
  return h("ul", { class: "pieces" }, ...links, left > 0 && h("li", { class: "muted" }, words.morePieces(count(left))));
}
