import type { Context } from "../context.js";
import { fill, h, icon, type Child } from "../dom.js";
import { isAbort, problemOf } from "../failure.js";
import type { Details, FileFacts } from "../messages.js";
import { name, plainName } from "../names.js";
import { count, date, percent, size } from "../numbers.js";
import { pathText, textOf } from "../paths.js";
import { strings } from "../strings.js";
import type { Takeout } from "../views/takeout.js";
import { tags } from "./columns.js";
import { kindOfFile } from "./file-kinds.js";
import { Preview } from "./preview.js";

const words = strings.file;

/** A file, beside the list: a look at it, what it is, where its bytes are, and what can be done with it. */
export class FilePanel {
  readonly element = h("aside", { class: "file-panel", "aria-label": words.title, hidden: true });
  readonly #context: Context;
  readonly #takeout: Takeout;
  readonly #close: () => void;
  readonly #preview: Preview;
  #shown: number | null = null;
  /** Stops what is asked about the file that is shown. */
  #stop = new AbortController();

  constructor(context: Context, takeout: Takeout, close: () => void) {
    this.#context = context;
    this.#takeout = takeout;
    this.#close = close;
    this.#preview = new Preview(context);
  }

  /** Shows a file; of null, nothing. */
  show(facts: FileFacts | null): void {
    const record = facts?.entry.record ?? null;
    if (record === this.#shown) {
      return;
    }
    this.#shown = record;
    this.#stop.abort();
    this.#stop = new AbortController();
    this.element.hidden = facts === null;
    this.#preview.clear();
    if (facts) {
      this.#fill(facts);
      this.element.scrollTop = 0;
      void this.#preview.show(facts.entry);
    }
  }

  #fill(facts: FileFacts): void {
    const { entry, path, streams, names } = facts;
    const { info, go } = this.#context;
    const clusterSize = info.volume?.cluster_size ?? 1;
    const [first] = facts.runs;
    fill(
      this.element,
      h(
        "header",
        { class: "panel-head" },
        h("h2", {}, name(textOf(entry))),
        h("button", { type: "button", class: "quiet small icon-only", "aria-label": words.close, title: words.close, click: this.#close }, icon("close")),
      ),
      h("p", { class: "chips" }, ...tags(entry)),
      this.#preview.element,
      h(
        "div",
        { class: "panel-actions" },
        !entry.isLink && h("button", { type: "button", class: "small primary", click: () => void this.#save(facts) }, icon("download"), words.save),
        first && h("button", { type: "button", class: "small", click: () => go({ view: "bytes", of: "volume", at: first.lcn * clusterSize }) }, words.showBytes),
      ),
      h(
        "dl",
        { class: "file-facts" },
        fact(words.content, entry.isLink ? words.isLink : entry.isFolder ? strings.files.items(entry.inside) : sizeAndBytes(entry.size)),
        fact(words.room, size(entry.room)),
        fact(words.modified, entry.modified === null ? words.unknown : date(entry.modified)),
        fact(words.kind, entry.isFolder ? words.folder : kindOfFile(entry)),
        fact(words.path, name(pathText(path))),
        names.length > 1 ? fact(words.names, h("ul", {}, ...names.map((other) => h("li", {}, name(pathText(other)))))) : null,
        streams.length > 0 ? fact(words.streams, streamList(this.#takeout, facts)) : null,
        entry.isFolder || entry.isLink ? null : fact(words.hash, this.#hash(facts)),
        fact(words.pieces, places(this.#context, facts, clusterSize)),
      ),
      this.#details(facts),
    );
  }

  async #save({ entry }: FileFacts): Promise<void> {
    await (entry.isFolder ? this.#takeout.folder(entry, "zip", false) : this.#takeout.file(entry, null));
  }

  /** A button, and then the checksum. */
  #hash({ entry }: FileFacts): HTMLElement {
    const place = h("span", {});
    const compute = async () => {
      const { session, closed } = this.#context;
      fill(place, strings.progress.starting);
      try {
        const digest = await session.ask("hash", entry.record, {
          signal: AbortSignal.any([closed, this.#stop.signal]),
          onProgress: ({ done, total }) => fill(place, percent(done, total)),
        });
        fill(place, h("code", { class: "digest" }, digest));
      } catch (error) {
        if (!isAbort(error)) {
          fill(place, name(problemOf(error).message));
        }
      }
    };
    fill(place, h("button", { type: "button", class: "link", click: () => void compute() }, words.compute));
    return place;
  }

  /** What the record says, read when it is opened. */
  #details({ entry }: FileFacts): HTMLElement {
    const place = h("div", {});
    let isAsked = false;
    const toggle = async () => {
      if (isAsked) {
        return;
      }
      isAsked = true;
      try {
        const details = await this.#context.session.ask("details", entry.record, { signal: this.#context.closed });
        fill(place, details ? detailList(entry.record, details) : h("p", { class: "muted" }, words.noDetails));
      } catch (error) {
        if (!isAbort(error)) {
          fill(place, h("p", { class: "muted" }, name(problemOf(error).message)));
        }
      }
    };
    return h("details", { class: "panel-more", toggle: () => void toggle() }, h("summary", {}, words.more), place);
  }
}

function detailList(record: number, { sequence, attributes, times, securityId, links }: Details): HTMLElement {
  const time = (value: string) => h("time", { datetime: value }, value.replace("T", " ").replace("Z", " UTC"));
  return h(
    "dl",
    { class: "file-facts" },
    fact(words.record, words.recordAndSequence(count(record), sequence)),
    fact(words.attributes, attributes),
    fact(words.links, links),
    securityId === null ? null : fact(words.securityId, securityId),
    ...times.map(({ name, standard, fileName }) =>
      fact(words.times[name] ?? name, h("span", {}, time(standard), fileName !== null && fileName !== standard && h("span", { class: "muted" }, ` · ${words.inName}: `, time(fileName)))),
    ),
  );
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

function fact(term: string, value: Child): HTMLElement {
  return h("div", {}, h("dt", {}, term), h("dd", {}, value));
}

function sizeAndBytes(bytes: number): Child {
  return bytes < 1024 ? size(bytes) : h("span", {}, size(bytes), h("span", { class: "muted" }, ` (${count(bytes)} bytes)`));
}

/** The runs of a file, as links to their bytes. */
function places({ go }: Context, { runs, pieces }: FileFacts, clusterSize: number): Child {
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
