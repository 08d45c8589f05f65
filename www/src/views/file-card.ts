import type { Context } from "../context.js";
import { h, icon } from "../dom.js";
import type { Entry, FileFacts } from "../messages.js";
import { name, plainName } from "../names.js";
import { count, date, size } from "../numbers.js";
import { pathText, textOf } from "../paths.js";
import { strings } from "../strings.js";
import type { Takeout } from "./takeout.js";

const words = strings.file;

/** A file: what it is, where its bytes are, and what can be done with it. */
export function fileCard(context: Context, takeout: Takeout, facts: FileFacts, close: () => void): HTMLElement {
  const { entry, path, streams } = facts;
  const clusterSize = context.info.volume?.cluster_size ?? 1;
  return h(
    "section",
    { class: "card file-card", "aria-label": words.title },
    h(
      "header",
      { class: "card-header" },
      h("h2", {}, name(textOf(entry))),
      ...tags(entry),
      !entry.isLink && h("button", { type: "button", class: "small header-end", click: () => void takeout.file(entry, null) }, icon("download"), words.save),
      h("button", { type: "button", class: "quiet small icon-only", "aria-label": words.close, title: words.close, click: close }, icon("close")),
    ),
    h(
      "dl",
      { class: "file-facts" },
      fact(words.path, name(pathText(path))),
      fact(words.content, entry.isLink ? words.isLink : size(entry.size)),
      fact(words.room, size(entry.room)),
      fact(words.modified, entry.modified === null ? words.unknown : date(entry.modified)),
      fact(words.record, count(entry.record)),
      streams.length > 0 ? fact(words.streams, streamList(takeout, facts)) : null,
      fact(words.pieces, places(context, facts, clusterSize)),
    ),
  );
}

/** Marks beside the name of a file. */
export function tags(entry: Entry): HTMLElement[] {
  const { files } = strings;
  return [
    ...(entry.isLink ? [h("span", { class: "chip" }, files.link)] : []),
    ...(entry.isIncomplete ? [h("span", { class: "chip warning", title: files.incompleteTitle }, files.incomplete)] : []),
    ...(entry.incompleteInside > 0
      ? [h("span", { class: "chip warning", title: files.incompleteInsideTitle }, files.incompleteInside(count(entry.incompleteInside)))]
      : []),
    ...(entry.streams > 0 ? [h("span", { class: "chip" }, files.streams(entry.streams))] : []),
  ];
}

function streamList(takeout: Takeout, { entry, streams }: FileFacts): HTMLElement {
  const item = (stream: FileFacts["streams"][number]) =>
    h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: "link", "aria-label": words.saveStream(plainName(stream.name)), click: () => void takeout.file(entry, stream) },
        name(stream.name),
      ),
      h("span", { class: "muted" }, ` ${size(stream.size)}`),
    );
  return h("ul", { class: "pieces" }, ...streams.map(item));
}

function fact(term: string, value: HTMLElement | string): HTMLElement {
  return h("div", {}, h("dt", {}, term), h("dd", {}, value));
}

/** The runs of a file, as links to their bytes. */
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
