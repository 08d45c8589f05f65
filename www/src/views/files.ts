import type { SurveyedFile } from "ntfsclone";
import type { Context, View } from "../context.js";
import { fill, h } from "../dom.js";
import { isAbort, problemOf } from "../failure.js";
import { name, plainName } from "../names.js";
import { count, percent, size } from "../numbers.js";
import { Meter } from "../progress.js";
import type { Route } from "../route.js";
import { strings } from "../strings.js";
import { boxes, type Box } from "../treemap/boxes.js";
import { Tree, type Entry } from "../treemap/tree.js";
import { problemBox } from "./problem.js";

const words = strings.files;
const ROWS = 200;
const LEAST_WIDTH_OF_NAME = 56;
const LEAST_HEIGHT_OF_NAME = 22;

/** Which files and folders there are, and what takes the space. */
export function files(context: Context): View {
  const view = new FilesView(context);
  return { element: view.element, show: (route) => view.show(route) };
}

class FilesView {
  readonly element = h("div", { class: "view files" });
  readonly #context: Context;
  readonly #clusterSize: number;
  readonly #picture = h("div", { class: "treemap", "aria-hidden": "true" });
  #tree: Tree | undefined;
  #isReading = false;
  #folder: Entry | undefined;

  constructor(context: Context) {
    this.#context = context;
    this.#clusterSize = context.info.volume?.cluster_size ?? 0;
    new ResizeObserver(() => this.#draw()).observe(this.#picture);
  }

  show({ folder }: Route): void {
    if (this.#context.info.volume === null) {
      fill(this.element, h("section", { class: "card" }, h("h1", {}, words.title), h("p", { class: "muted" }, words.none)));
    } else if (this.#tree) {
      this.#see(this.#tree, folder);
    } else if (!this.#isReading) {
      void this.#read(folder);
    }
  }

  /** Reads the names of all files, once. */
  async #read(folder: number | null): Promise<void> {
    const { session, closed, announce, info } = this.#context;
    const recordSize = info.volume?.mft_record_size ?? 1;
    const stop = new AbortController();
    const meter = new Meter(words.reading, words.cancel, announce, () => stop.abort());
    fill(this.element, meter.element);
    this.#isReading = true;
    try {
      const found = await session.ask("survey", null, {
        signal: AbortSignal.any([closed, stop.signal]),
        // Of records; told as bytes of $MFT.
        onProgress: ({ done, total }) => meter.update({ done: done * recordSize, total: total * recordSize }),
      });
      this.#tree = new Tree(found, this.#clusterSize);
      this.#see(this.#tree, folder);
    } catch (error) {
      if (!closed.aborted) {
        const told = isAbort(error) ? h("p", { class: "muted" }, words.stopped) : problemBox(problemOf(error));
        const again = h("button", { type: "button", click: () => void this.#read(folder) }, words.again);
        fill(this.element, h("section", { class: "card" }, h("h1", {}, words.title), told, again));
      }
    } finally {
      this.#isReading = false;
    }
  }

  #see(tree: Tree, record: number | null): void {
    const folder = (record === null ? undefined : tree.find(record)) ?? tree.root;
    this.#folder = folder;
    const steps = tree.pathTo(folder).map((step) => {
      const isHere = step === folder;
      const label = step === tree.root ? words.root : nameOf(step.file);
      return h("li", {}, isHere ? h("span", { "aria-current": "location" }, label) : this.#link(step, label));
    });
    fill(
      this.element,
      h(
        "section",
        { class: "card" },
        h(
          "header",
          { class: "card-header" },
          h("h1", {}, words.title),
          h("span", { class: "muted" }, `${size(folder.room)} · ${words.inside(count(folder.inside))}`),
        ),
        h("nav", { class: "crumbs", "aria-label": words.path }, h("ol", {}, ...steps)),
        folder.entries.length > 0 ? this.#picture : h("p", { class: "muted" }, words.empty),
        folder.entries.length > 0 && h("p", { class: "muted treemap-note" }, words.picture),
      ),
      folder.entries.length > 0 && this.#table(folder),
    );
    this.#draw();
  }

  #table(folder: Entry): HTMLElement {
    const body = h("tbody");
    const foot = h("div", { class: "table-more" });
    const more = (from: number) => {
      body.append(...folder.entries.slice(from, from + ROWS).map((entry) => this.#row(folder, entry)));
      const left = folder.entries.length - from - ROWS;
      const next = Math.min(left, ROWS);
      fill(foot, left > 0 && h("button", { type: "button", click: () => more(from + ROWS) }, words.more(count(next))));
    };
    more(0);
    const head = [words.name, words.share, words.room, words.content].map((title) => h("th", { scope: "col" }, title));
    return h("section", { class: "card" }, h("table", { class: "entries" }, h("thead", {}, h("tr", {}, ...head)), body), foot);
  }

  #row(folder: Entry, entry: Entry): HTMLElement {
    const { file, room, inside } = entry;
    const isFolder = file.holder === "directory" || entry.entries.length > 0;
    const label = nameOf(file);
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, h("span", { class: `swatch ${file.holder}` }), isFolder ? this.#link(entry, label) : label),
      h("td", {}, percent(room, folder.room)),
      h("td", {}, size(room)),
      h("td", {}, isFolder ? words.inside(count(inside)) : size(file.size)),
    );
  }

  #link(entry: Entry, label: HTMLElement | string): HTMLElement {
    return h("button", { type: "button", class: "link", click: () => this.#go(entry) }, label);
  }

  #go(entry: Entry): void {
    this.#context.go({ view: "files", folder: entry === this.#tree?.root ? null : entry.file.record });
  }

  #draw(): void {
    const { clientWidth: width, clientHeight: height } = this.#picture;
    if (this.#folder && width > 0) {
      fill(this.#picture, ...boxes(this.#folder, width, height).map((box) => this.#box(box)));
    }
  }

  #box({ entry, entries, room, left, top, width, height }: Box): HTMLElement {
    const label = entry ? nameOf(entry.file) : words.other(count(entries));
    const title = entry ? plainName(textOf(entry.file)) : words.other(count(entries));
    const hasRoom = width >= LEAST_WIDTH_OF_NAME && height >= LEAST_HEIGHT_OF_NAME;
    const isFolder = entry !== undefined && entry.entries.length > 0;
    const box = h(
      "div",
      { class: `box ${entry?.file.holder ?? "others"}${isFolder ? " opens" : ""}`, title: `${title} · ${size(room)}` },
      hasRoom && h("span", { class: "box-name" }, label),
      hasRoom && height >= 2 * LEAST_HEIGHT_OF_NAME && h("span", { class: "box-room" }, size(room)),
    );
    if (isFolder) {
      box.addEventListener("click", () => this.#go(entry));
    }
    Object.assign(box.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    return box;
  }
}

function textOf({ name: text, record }: SurveyedFile): string {
  return text ?? words.unnamed(String(record));
}

function nameOf(file: SurveyedFile): HTMLElement {
  return name(textOf(file));
}
