import type { Context, View } from "../context.js";
import { fill, h, icon, type Child } from "../dom.js";
import { isAbort, problemOf } from "../failure.js";
import type { Entry, FileFacts, Folder, Order } from "../messages.js";
import { name, plainName } from "../names.js";
import { count, date, percent, size } from "../numbers.js";
import { pathText, textOf } from "../paths.js";
import { Meter } from "../progress.js";
import type { Route } from "../route.js";
import { strings } from "../strings.js";
import type { SurveyState } from "../survey.js";
import { boxes, type Box } from "../treemap/boxes.js";
import { fileCard, tags } from "./file-card.js";
import { Takeout } from "./takeout.js";
import { problemBox } from "./problem.js";

const words = strings.files;
const ROWS = 200;
const LEAST_WIDTH_OF_NAME = 56;
const LEAST_HEIGHT_OF_NAME = 22;

/** The files and folders, and the space that they take. */
export function files(context: Context): View {
  const view = new FilesView(context);
  return { element: view.element, show: (route) => view.show(route) };
}

interface Column {
  /** Its cells have the class `column-` and this: small screens hide some. */
  id: string;
  title: string;
  /** How its header sorts the rows. */
  order?: Order;
  cell(entry: Entry, folder: Folder): Child;
}

class FilesView {
  readonly element = h("div", { class: "view files" });
  readonly #context: Context;
  readonly #picture = h("div", { class: "treemap", "aria-hidden": "true" });
  readonly #takeout: Takeout;
  #meter: Meter | undefined;
  #order: Order = "room";
  readonly #hasSystem = h("input", { type: "checkbox", id: "system-files", change: () => void this.#see() });
  #folder: Folder | undefined;
  /** The place that was last asked for. */
  #at: Pick<Route, "folder" | "file"> = { folder: null, file: null };
  #isSeen = false;
  readonly #columns: readonly Column[] = [
    { id: "name", title: words.name, order: "name", cell: (entry) => this.#nameOf(entry) },
    { id: "modified", title: words.modified, order: "modified", cell: ({ modified }) => (modified === null ? "" : date(modified)) },
    { id: "share", title: words.share, cell: ({ room }, folder) => percent(room, folder.entry.room) },
    { id: "room", title: words.room, order: "room", cell: ({ room }) => size(room) },
    { id: "content", title: words.content, cell: (entry) => (entry.isFolder ? words.items(entry.inside) : size(entry.size)) },
    { id: "save", title: "", cell: (entry) => this.#saveButton(entry) },
  ];

  constructor(context: Context) {
    this.#context = context;
    this.#takeout = new Takeout(context);
    new ResizeObserver(() => this.#draw()).observe(this.#picture);
    context.survey.follow((state) => this.#isSeen && this.#onSurvey(state));
  }

  show({ folder, file }: Route): void {
    this.#at = { folder, file };
    const { survey } = this.#context;
    this.#isSeen = true;
    if (survey.state.kind === "none") {
      survey.start();
    } else {
      this.#onSurvey(survey.state);
    }
  }

  #onSurvey(state: SurveyState): void {
    switch (state.kind) {
      case "none":
        break;
      case "reading":
        this.#showMeter(state);
        break;
      case "done":
        this.#meter = undefined;
        void this.#see();
        break;
      case "stopped":
        this.#showEnd(h("p", { class: "muted" }, words.stopped));
        break;
      case "failed":
        this.#showEnd(problemBox(state.problem));
        break;
    }
  }

  #showMeter({ progress }: Extract<SurveyState, { kind: "reading" }>): void {
    const { announce, survey, info } = this.#context;
    if (!this.#meter) {
      this.#meter = new Meter(words.reading, words.cancel, announce, () => survey.stop());
      fill(this.element, this.#meter.element);
    }
    if (progress) {
      // Counted in records, shown as bytes of $MFT.
      const recordSize = info.volume?.mft_record_size ?? 1;
      this.#meter.update({ done: progress.done * recordSize, total: progress.total * recordSize });
    }
  }

  #showEnd(told: HTMLElement): void {
    this.#meter = undefined;
    const again = h("button", { type: "button", click: () => this.#context.survey.start() }, words.again);
    fill(this.element, h("section", { class: "card" }, h("h1", {}, words.title), told, again));
  }

  async #see(): Promise<void> {
    const at = this.#at;
    const { session, closed } = this.#context;
    try {
      const file = at.file === null ? null : await session.ask("file", at.file, { signal: closed });
      const record = at.folder ?? file?.folder ?? null;
      if (file?.entry.isSystem) {
        this.#hasSystem.checked = true;
      }
      const folder = await session.ask("folder", { record, order: this.#order, hasSystem: this.#hasSystem.checked, from: 0, length: ROWS }, { signal: closed });
      if (at === this.#at) {
        this.#show(folder, file);
      }
    } catch (error) {
      if (!isAbort(error)) {
        this.#showEnd(problemBox(problemOf(error)));
      }
    }
  }

  #show(folder: Folder, file: FileFacts | null): void {
    this.#folder = folder;
    const root: Child = folder.path.length > 0 ? this.#link(null, words.root) : h("span", { "aria-current": "location" }, words.root);
    const steps = folder.path.map((step, index) => {
      const label = name(textOf(step));
      const isHere = index === folder.path.length - 1;
      return h("li", {}, isHere ? h("span", { "aria-current": "location" }, label) : this.#link(step.record, label));
    });
    const { inside, length, roomInside } = folder;
    fill(
      this.element,
      this.#takeout.element,
      this.#damageNotice(),
      h(
        "section",
        { class: "card" },
        h(
          "header",
          { class: "card-header" },
          h("h1", {}, words.title),
          h("span", { class: "muted" }, `${size(roomInside)} · ${words.items(inside)}`),
          h("label", { class: "field inline header-end", for: "system-files", title: words.systemTitle }, this.#hasSystem, words.system),
          h("button", { type: "button", class: "small", click: () => void this.#takeout.zip(folder.entry, this.#hasSystem.checked) }, icon("download"), words.zip),
        ),
        h("nav", { class: "crumbs", "aria-label": words.path }, h("ol", {}, h("li", {}, root), ...steps)),
        length > 0 ? this.#picture : h("p", { class: "muted" }, words.empty),
        length > 0 && h("p", { class: "muted treemap-note" }, words.picture),
      ),
      file && fileCard(this.#context, this.#takeout, file, () => this.#context.go({ view: "files", folder: file.folder, file: null })),
      length > 0 && this.#table(folder, file?.entry.record),
    );
    this.#draw();
    if (file) {
      this.#context.announce(plainName(pathText(file.path)));
      this.element.querySelector(".file-card")?.scrollIntoView({ block: "nearest" });
    }
  }

  #damageNotice(): HTMLElement | null {
    const { state } = this.#context.survey;
    if (state.kind !== "done" || state.found.damage === null) {
      return null;
    }
    const text = h("div", {}, words.damaged, h("p", { class: "muted" }, name(state.found.damage)));
    return h("div", { class: "notice warning" }, icon("alert"), text);
  }

  #table(folder: Folder, file: number | undefined): HTMLElement {
    const { session, closed } = this.#context;
    const body = h("tbody");
    const foot = h("div", { class: "table-more" });
    let shown = 0;
    const append = (entries: Entry[]) => {
      body.append(...entries.map((entry) => this.#row(folder, entry, file)));
      shown += entries.length;
      const next = Math.min(folder.length - shown, ROWS);
      fill(foot, next > 0 && h("button", { type: "button", click: () => void more() }, words.more(count(next))));
    };
    const more = async () => {
      const part = { record: folder.entry.record, order: this.#order, hasSystem: this.#hasSystem.checked, from: shown, length: ROWS };
      append((await session.ask("folder", part, { signal: closed })).entries);
    };
    append(folder.entries);
    const head = h("tr", {}, ...this.#columns.map((column) => this.#columnHead(column)));
    return h("section", { class: "card" }, h("table", { class: "entries" }, h("thead", {}, head), body), foot);
  }

  /** Its button sorts the rows by this column. */
  #columnHead({ id, title, order }: Column): HTMLElement {
    if (order === undefined) {
      // An empty header would be announced as a column without a name.
      return title === "" ? h("td", { class: `column-${id}` }) : h("th", { scope: "col", class: `column-${id}` }, title);
    }
    const sort = order === this.#order ? (order === "name" ? "ascending" : "descending") : null;
    const click = () => {
      this.#order = order;
      void this.#see().then(() => this.element.querySelector<HTMLElement>("[aria-sort] button")?.focus({ preventScroll: true }));
    };
    return h("th", { scope: "col", class: `column-${id}`, "aria-sort": sort }, h("button", { type: "button", class: "column", click }, title));
  }

  #row(folder: Folder, entry: Entry, file: number | undefined): HTMLElement {
    const cells = this.#columns.map(({ id, cell }) => {
      const attributes = { class: `column-${id}` };
      return id === "name" ? h("th", { scope: "row", ...attributes }, cell(entry, folder)) : h("td", attributes, cell(entry, folder));
    });
    return h("tr", { "aria-current": entry.record === file && "true" }, ...cells);
  }

  #nameOf(entry: Entry): HTMLElement {
    return h(
      "span",
      { class: "entry-name" },
      h("span", { class: `entry-icon ${entry.holder}` }, icon(entry.isFolder ? "folder" : "file")),
      h("span", { class: "entry-text" }, this.#linkTo(entry), ...tags(entry)),
    );
  }

  #saveButton(entry: Entry): Child {
    const text = plainName(textOf(entry));
    const [label, take] = entry.isFolder ? [words.zipOf(text), () => this.#takeout.zip(entry, this.#hasSystem.checked)] : [words.save(text), () => this.#takeout.file(entry, null)];
    return (
      !entry.isLink && h("button", { type: "button", class: "quiet small icon-only", "aria-label": label, title: label, click: () => void take() }, icon("download"))
    );
  }

  #linkTo(entry: Entry): HTMLElement {
    const { record } = entry;
    const click = () => (entry.isFolder ? this.#goTo(record) : this.#context.go({ view: "files", file: record, folder: null }));
    return h("button", { type: "button", class: "link", click }, name(textOf(entry)));
  }

  #link(record: number | null, label: HTMLElement | string): HTMLElement {
    return h("button", { type: "button", class: "link", click: () => this.#goTo(record) }, label);
  }

  #goTo(folder: number | null): void {
    this.#context.go({ view: "files", folder, file: null });
  }

  #draw(): void {
    const { clientWidth: width, clientHeight: height } = this.#picture;
    if (this.#folder && width > 0) {
      fill(this.#picture, ...boxes(this.#folder, width, height).map((box) => this.#box(box)));
    }
  }

  #box({ entry, entries, room, left, top, width, height }: Box): HTMLElement {
    const text = entry ? textOf(entry) : words.other(count(entries));
    const hasRoom = width >= LEAST_WIDTH_OF_NAME && height >= LEAST_HEIGHT_OF_NAME;
    const box = h(
      "div",
      { class: `box ${entry?.holder ?? "others"}${entry ? " opens" : ""}`, title: `${plainName(text)} · ${size(room)}` },
      hasRoom && h("span", { class: "box-name" }, name(text)),
      hasRoom && height >= 2 * LEAST_HEIGHT_OF_NAME && h("span", { class: "box-room" }, size(room)),
    );
    if (entry) {
      box.addEventListener("click", () => (entry.isFolder ? this.#goTo(entry.record) : this.#context.go({ view: "files", file: entry.record, folder: null })));
    }
    Object.assign(box.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    return box;
  }
}
