import type { Context, View } from "../context.js";
import { fill, h, icon, type Child } from "../dom.js";
import { downloadBlob } from "../download.js";
import { isAbort, problemOf } from "../failure.js";
import { ROOT } from "../kinds.js";
import type { Entry, Listed, Listing, ListFormat, Row, Step } from "../messages.js";
import { name, plainName } from "../names.js";
import { count } from "../numbers.js";
import { pathText, textOf } from "../paths.js";
import { Meter } from "../progress.js";
import type { Route } from "../route.js";
import { safeName } from "../safe-names.js";
import { strings } from "../strings.js";
import type { SurveyState } from "../survey.js";
import { problemBox } from "../views/problem.js";
import { Takeout } from "../views/takeout.js";
import { EntryList } from "./entry-list.js";
import { FilePanel } from "./file-panel.js";
import { ListFoot, type TakeoutFormat } from "./list-foot.js";
import { SearchBar } from "./search-bar.js";
import { Selection } from "./selection.js";
import { Treemap } from "./treemap.js";

const words = strings.files;

/** The files and folders: a list, a search, and what can be done with them. */
export function files(context: Context): View {
  const view = new FilesView(context);
  return { element: view.element, show: (route) => view.show(route) };
}

class FilesView {
  readonly element = h("div", { class: "view files" });
  readonly #context: Context;
  readonly #takeout: Takeout;
  readonly #selection = new Selection(() => this.#showSelection());
  readonly #list: EntryList;
  readonly #foot: ListFoot;
  readonly #panel: FilePanel;
  readonly #treemap = new Treemap((entry) => this.#open(entry));
  readonly #search = new SearchBar(() => this.#onSearch(), () => this.#list.focus());
  readonly #crumbs = h("ol");
  readonly #empty = h("p", { class: "muted list-empty" });
  readonly #hasSystem = h("input", { type: "checkbox", id: "system-files", change: () => void this.#see() });
  readonly #isMap: Record<"list" | "map", HTMLInputElement>;
  readonly #browser: HTMLElement;
  #meter: Meter | undefined;
  #route: Route | undefined;
  /** What is shown, and what of it. */
  #listing: Listing | undefined;
  #listed: Listed | undefined;
  /** The record of the folder that the visitor comes from. */
  #from: number | null = null;

  constructor(context: Context) {
    this.#context = context;
    this.#takeout = new Takeout(context);
    this.#panel = new FilePanel(context, this.#takeout, () => this.#leaveFile());
    this.#list = new EntryList(this.#selection, {
      load: (from, length) => this.#rows(from, length),
      seek: (prefix, from) => this.#ask((listing) => context.session.ask("seek", { ...listing, prefix, from }, { signal: context.closed }), null),
      sort: (sort) => this.#go({ sort }),
      up: () => this.#up(),
      selectAll: async () => this.#selection.setAll(await this.#ask((listing) => context.session.ask("ids", listing, { signal: context.closed }), new Uint32Array())),
      search: () => this.#search.focus(),
      leave: () => this.#leaveFile(),
      open: (row) => this.#open(row),
      save: (row) => void this.#save(row),
    });
    this.#foot = new ListFoot(this.#selection, { take: (format) => void this.#take(format), exportList: (format) => void this.#export(format) });
    this.#isMap = { list: this.#mode("list"), map: this.#mode("map") };
    this.#browser = this.#makeBrowser();
    context.survey.follow((state) => this.#route && this.#onSurvey(state));
  }

  show(route: Route): void {
    this.#route = route;
    const { survey } = this.#context;
    if (survey.state.kind === "none") {
      survey.start();
    } else {
      this.#onSurvey(survey.state);
    }
  }

  #makeBrowser(): HTMLElement {
    const { list, map } = this.#isMap;
    const label = (input: HTMLInputElement, text: string) => h("label", {}, input, h("span", {}, text));
    return h(
      "section",
      { class: "card browser" },
      h("h1", { class: "visually-hidden" }, words.title),
      this.#search.element,
      h(
        "div",
        { class: "browser-bar" },
        h("nav", { class: "crumbs", "aria-label": words.path }, this.#crumbs),
        h("label", { class: "field inline", for: "system-files", title: words.systemTitle }, this.#hasSystem, words.system),
        h("fieldset", { class: "switch" }, h("legend", { class: "visually-hidden" }, words.mode), label(list, words.asList), label(map, words.asMap)),
      ),
      h("div", { class: "browser-body" }, h("div", { class: "browser-list" }, this.#treemap.element, this.#list.element, this.#empty), this.#panel.element),
      this.#foot.element,
    );
  }

  #mode(mode: "list" | "map"): HTMLInputElement {
    return h("input", { type: "radio", name: "files-mode", value: mode, change: () => this.#go({ isMap: mode === "map" }) });
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
    this.#listing = undefined;
    const again = h("button", { type: "button", click: () => this.#context.survey.start() }, words.again);
    fill(this.element, h("section", { class: "card" }, h("h1", {}, words.title), told, again));
  }

  /** Shows the place that the address names. */
  async #see(): Promise<void> {
    const route = this.#route;
    const { session, closed } = this.#context;
    if (!route) {
      return;
    }
    try {
      const file = route.file === null ? null : await session.ask("file", route.file, { signal: closed });
      if (file?.entry.isSystem) {
        this.#hasSystem.checked = true;
      }
      this.#search.text = route.search;
      const listing: Listing = {
        folder: route.folder ?? file?.folder ?? ROOT,
        search: this.#search.search,
        hasSystem: this.#hasSystem.checked,
        sort: route.sort,
      };
      const isOther = JSON.stringify(listing) !== JSON.stringify(this.#listing);
      const listed = isOther || !this.#listed ? await session.ask("list", listing, { signal: closed }) : this.#listed;
      if (route !== this.#route) {
        return;
      }
      if (!this.#browser.isConnected) {
        fill(this.element, this.#takeout.element, this.#damageNotice(), this.#browser);
      }
      this.#showMode(route);
      if (isOther) {
        await this.#showList(listing, listed, file?.entry.record ?? this.#from);
      }
      this.#panel.show(file);
      this.#list.setCurrent(file?.entry.record ?? null);
      if (file) {
        this.#context.announce(plainName(pathText(file.path)));
      }
    } catch (error) {
      if (!isAbort(error)) {
        this.#showEnd(problemBox(problemOf(error)));
      }
    }
  }

  #showMode({ isMap }: Route): void {
    this.#isMap[isMap ? "map" : "list"].checked = true;
    this.#treemap.element.hidden = !isMap;
    this.#list.element.hidden = isMap;
  }

  /** Shows a list, at the row of a record. */
  async #showList(listing: Listing, listed: Listed, record: number | null): Promise<void> {
    const { session, closed, announce } = this.#context;
    const isSorted = this.#listing !== undefined && JSON.stringify({ ...listing, sort: null }) === JSON.stringify({ ...this.#listing, sort: null });
    this.#listing = listing;
    this.#listed = listed;
    this.#from = null;
    if (!isSorted) {
      this.#selection.clear();
    }
    this.#showCrumbs(listed.path);
    this.#list.show(listed.length, listing.sort);
    this.#foot.show(listed, listing.search !== null);
    this.#treemap.show(listed);
    const isSearch = listing.search !== null;
    fill(this.#empty, listed.length === 0 && (isSearch ? words.nothingFound : words.empty));
    if (isSearch) {
      announce(words.found(listed.length));
    }
    const row = record === null ? null : await session.ask("rowOf", { ...listing, record }, { signal: closed });
    if (row !== null && listing === this.#listing) {
      this.#list.goTo(row);
    }
  }

  #showCrumbs(path: Step[]): void {
    const root: Child = path.length > 0 ? this.#crumb(null, words.root) : h("span", { "aria-current": "location" }, words.root);
    const steps = path.map((step, index) => {
      const label = name(textOf(step));
      return h("li", {}, index === path.length - 1 ? h("span", { "aria-current": "location" }, label) : this.#crumb(step.record, label));
    });
    fill(this.#crumbs, h("li", {}, root), ...steps);
  }

  #crumb(record: number | null, label: HTMLElement | string): HTMLElement {
    return h("button", { type: "button", class: "link", click: () => this.#goTo(record) }, label);
  }

  #damageNotice(): HTMLElement | null {
    const { state } = this.#context.survey;
    if (state.kind !== "done" || state.found.damage === null) {
      return null;
    }
    const text = h("div", {}, words.damaged, h("p", { class: "muted" }, name(state.found.damage)));
    return h("div", { class: "notice warning" }, icon("alert"), text);
  }

  #showSelection(): void {
    this.#list.showSelection();
    this.#foot.update();
  }

  /** Asks something of what is shown. */
  async #ask<T>(ask: (listing: Listing) => Promise<T>, otherwise: T): Promise<T> {
    return this.#listing ? ask(this.#listing) : otherwise;
  }

  #rows(from: number, length: number): Promise<Row[]> {
    const { session, closed } = this.#context;
    return this.#ask((listing) => session.ask("rows", { ...listing, from, length }, { signal: closed }), []);
  }

  #go(to: Partial<Route>): void {
    this.#context.go({ view: "files", ...to });
  }

  #goTo(folder: number | null): void {
    this.#from = this.#listed?.folder.record ?? null;
    this.#search.clear();
    this.#go({ folder, file: null, search: "" });
  }

  #open({ isFolder, record }: Entry): void {
    if (isFolder) {
      this.#goTo(record);
    } else {
      this.#go({ file: record, folder: this.#listing?.folder ?? ROOT });
    }
  }

  /** To the folder above; from what was found, to the folder itself. */
  #up(): void {
    const { path = [] } = this.#listed ?? {};
    if (this.#listing?.search) {
      this.#goTo(this.#listing.folder);
    } else if (path.length > 0) {
      this.#goTo(path.at(-2)?.record ?? null);
    }
  }

  #leaveFile(): void {
    this.#go({ file: null, folder: this.#listing?.folder ?? ROOT });
    this.#list.focus();
  }

  /** The address follows, but the way back does not lead through each letter. */
  #onSearch(): void {
    if (this.#route) {
      this.#route = { ...this.#route, search: this.#search.text, folder: this.#listing?.folder ?? ROOT };
      this.#context.note({ search: this.#search.text });
      void this.#see();
    }
  }

  async #save(row: Row): Promise<void> {
    await (row.isFolder ? this.#takeout.folder(row, "zip", this.#hasSystem.checked) : this.#takeout.file(row, null));
  }

  /** Takes out what is chosen, or all. */
  async #take(format: TakeoutFormat): Promise<void> {
    const { session, closed } = this.#context;
    const hasSystem = this.#hasSystem.checked;
    const folder = this.#listed?.folder;
    if (!folder || !this.#listing) {
      return;
    }
    if (this.#selection.length > 0) {
      await this.#takeout.entries(this.#selection.ids, folder, format, hasSystem);
    } else if (this.#listing.search) {
      const ids = await session.ask("ids", this.#listing, { signal: closed });
      await this.#takeout.entries(ids, folder, format, hasSystem);
    } else {
      await this.#takeout.folder(folder, format, hasSystem);
    }
  }

  async #export(format: ListFormat): Promise<void> {
    const { session, closed, name: image, announce } = this.#context;
    if (this.#listing && this.#listed) {
      const blob = await session.ask("exportList", { ...this.#listing, format }, { signal: closed });
      downloadBlob(safeName(image, `.files.${format}`), blob);
      announce(words.exported(count(this.#listed.length)));
    }
  }
}

