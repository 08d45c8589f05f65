import { fill, h } from "../dom.js";
import type { Row, Sort } from "../messages.js";
import { plainName } from "../names.js";
import { textOf } from "../paths.js";
import { strings } from "../strings.js";
import { COLUMNS, type Column, type RowActions } from "./columns.js";
import type { Selection } from "./selection.js";
import { VirtualRows } from "./virtual-rows.js";

const words = strings.files;
/** In pixels, as in files.css. */
const ROW_HEIGHT = 38;
/** Letters that are typed in this time are of one name. */
const MILLISECONDS_OF_TYPING = 900;

export interface EntryListActions extends RowActions {
  load(from: number, length: number): Promise<Row[]>;
  /** Finds the next row whose name begins so. */
  seek(prefix: string, from: number): Promise<number | null>;
  sort(sort: Sort): void;
  /** To the folder above. */
  up(): void;
  selectAll(): Promise<void>;
  search(): void;
  /** Closes what is shown of a file. */
  leave(): void;
}

/** The list of files as a grid: of any length, and by keyboard. */
export class EntryList {
  readonly element: HTMLElement;
  readonly #actions: EntryListActions;
  readonly #selection: Selection;
  readonly #head = h("div", { class: "entry head", role: "row", "aria-rowindex": 1 });
  readonly #rows: VirtualRows<Row>;
  readonly #all = h("input", { type: "checkbox", tabindex: -1, "aria-label": words.selectAll, change: () => void this.#toggleAll() });
  /** The row that keys concern. */
  #active = 0;
  /** The record of the file that is shown beside it. */
  #current: number | null = null;
  #typed = { text: "", time: 0 };

  constructor(selection: Selection, actions: EntryListActions) {
    this.#selection = selection;
    this.#actions = actions;
    this.element = h("div", {
      class: "entries",
      role: "grid",
      tabindex: 0,
      "aria-label": words.list,
      "aria-multiselectable": "true",
      keydown: (event: KeyboardEvent) => this.#onKey(event),
      click: (event: MouseEvent) => this.#onClick(event),
      dblclick: (event: MouseEvent) => this.#onDoubleClick(event),
    });
    this.#rows = new VirtualRows(this.element, ROW_HEIGHT, {
      load: (from, length) => actions.load(from, length),
      render: (index, row) => this.#row(index, row),
    });
    fill(this.element, h("div", { class: "rows-head", role: "rowgroup" }, this.#head), this.#rows.element);
  }

  /** Shows other rows. */
  show(length: number, sort: Sort): void {
    this.#active = 0;
    this.element.setAttribute("aria-rowcount", String(length + 1));
    this.#fillHead(sort);
    this.#rows.reset(length);
    this.#mark();
  }

  /** Marks the row of the file that is shown beside the list. */
  setCurrent(record: number | null): void {
    if (this.#current !== record) {
      this.#current = record;
      this.#rows.refresh();
    }
  }

  /** Goes to a row. */
  goTo(index: number): void {
    this.#active = Math.min(Math.max(0, index), Math.max(0, this.#rows.length - 1));
    this.#rows.reveal(this.#active);
    this.#mark();
  }

  /** Shows what is chosen now. */
  showSelection(): void {
    const { length } = this.#selection;
    this.#all.checked = length > 0 && length === this.#rows.length;
    this.#all.indeterminate = length > 0 && length < this.#rows.length;
    this.#rows.refresh();
  }

  focus(): void {
    this.element.focus({ preventScroll: true });
  }

  #fillHead(sort: Sort): void {
    const cells = COLUMNS.map((column) => this.#columnHead(column, sort));
    fill(this.#head, h("div", { class: "column-select", role: "columnheader" }, this.#all), ...cells);
  }

  /** Its button sorts the rows by this column; again, in the other direction. */
  #columnHead({ id, title, sort }: Column, now: Sort): HTMLElement {
    const isSorted = sort !== undefined && sort.by === now.by;
    const click = () => sort && this.#actions.sort({ by: sort.by, isDescending: isSorted ? !now.isDescending : sort.isDescending });
    // An empty header would be announced as a column without a name.
    const content = sort ? h("button", { type: "button", class: "column", click }, title) : title === "" ? h("span", { class: "visually-hidden" }, words.saveColumn) : title;
    return h("div", { class: `column-${id}`, role: "columnheader", "aria-sort": isSorted && (now.isDescending ? "descending" : "ascending") }, content);
  }

  #row(index: number, row: Row | undefined): HTMLElement {
    const isChosen = row !== undefined && this.#selection.has(row);
    const select = row && h("input", { type: "checkbox", tabindex: -1, checked: isChosen, "aria-label": words.select(plainName(textOf(row))) });
    const cells = COLUMNS.map(({ id, cell }) => h("div", { class: `column-${id}`, role: id === "name" ? "rowheader" : "gridcell" }, row && cell(row, this.#actions)));
    return h(
      "div",
      {
        class: `entry${index === this.#active ? " active" : ""}`,
        role: "row",
        id: `entry-${index}`,
        "data-index": index,
        "aria-rowindex": index + 2,
        "aria-selected": String(isChosen),
        "aria-current": row !== undefined && row.record === this.#current && "true",
      },
      h("div", { class: "column-select", role: "gridcell" }, select),
      ...cells,
    );
  }

  /** Tells screen readers which row keys concern. */
  #mark(): void {
    this.element.setAttribute("aria-activedescendant", `entry-${this.#active}`);
    if (this.#rows.length === 0) {
      this.element.removeAttribute("aria-activedescendant");
    }
    for (const row of this.element.querySelectorAll<HTMLElement>(".entry[data-index]")) {
      row.classList.toggle("active", row.dataset["index"] === String(this.#active));
    }
  }

  #onClick(event: MouseEvent): void {
    const index = indexOf(event);
    if (index === undefined) {
      return;
    }
    this.#active = index;
    this.#mark();
    this.focus();
    const row = this.#rows.item(index);
    const isBox = event.target instanceof HTMLInputElement;
    if (!row || (event.target as Element).closest("button")) {
      return;
    }
    if (event.shiftKey) {
      event.preventDefault();
      void this.#selectTo(index);
    } else if (isBox || event.ctrlKey || event.metaKey) {
      this.#selection.toggle(row, index);
    } else if (!row.isFolder) {
      this.#actions.open(row);
    }
  }

  #onDoubleClick(event: MouseEvent): void {
    const row = this.#rows.item(indexOf(event) ?? -1);
    if (row?.isFolder && !(event.target as Element).closest("button, input")) {
      this.#actions.open(row);
    }
  }

  /** Chooses all rows from the last chosen one to this. */
  async #selectTo(index: number): Promise<void> {
    const { anchor } = this.#selection;
    const [from, to] = [Math.min(anchor, index), Math.max(anchor, index)];
    this.#selection.add(await this.#actions.load(from, to - from + 1));
  }

  async #toggleAll(): Promise<void> {
    if (this.#selection.length > 0) {
      this.#selection.clear();
    } else {
      await this.#actions.selectAll();
    }
  }

  #onKey(event: KeyboardEvent): void {
    if (event.target !== this.element || event.altKey) {
      return;
    }
    const isCommand = event.ctrlKey || event.metaKey;
    const moves: Record<string, number> = {
      ArrowDown: this.#active + 1,
      ArrowUp: this.#active - 1,
      PageDown: this.#active + this.#rows.perPage,
      PageUp: this.#active - this.#rows.perPage,
      Home: 0,
      End: this.#rows.length - 1,
    };
    const keys: Record<string, () => void> = {
      Enter: () => void this.#withActive((row) => this.#actions.open(row)),
      Backspace: () => this.#actions.up(),
      Escape: () => (this.#selection.length > 0 ? this.#selection.clear() : this.#actions.leave()),
      " ": () => void this.#withActive((row) => this.#selection.toggle(row, this.#active)),
    };
    const to = moves[event.key];
    if (to !== undefined && !isCommand) {
      event.preventDefault();
      this.goTo(to);
      if (event.shiftKey) {
        void this.#selectTo(this.#active);
      }
    } else if (isCommand && event.key.toLowerCase() === "a") {
      event.preventDefault();
      void this.#actions.selectAll();
    } else if (!isCommand && this.#isTyping(event)) {
      event.preventDefault();
      void this.#type(event.key);
    } else if (!isCommand && keys[event.key]) {
      event.preventDefault();
      keys[event.key]!();
    } else if (!isCommand && event.key === "/") {
      event.preventDefault();
      this.#actions.search();
    }
  }

  async #withActive(work: (row: Row) => void): Promise<void> {
    const row = await this.#rows.load(this.#active);
    if (row) {
      work(row);
    }
  }

  /** A letter of a name; a space only within one. */
  #isTyping({ key, timeStamp }: KeyboardEvent): boolean {
    const goesOn = this.#typed.text !== "" && timeStamp - this.#typed.time < MILLISECONDS_OF_TYPING;
    if (!goesOn) {
      this.#typed.text = "";
    }
    this.#typed.time = timeStamp;
    return [...key].length === 1 && key !== "/" && (key !== " " || goesOn);
  }

  /** Goes to the next name that begins with what was typed; the same letter again goes on to the next. */
  async #type(letter: string): Promise<void> {
    const text = this.#typed.text + letter;
    const isRepeated = [...text].every((other) => other === letter);
    this.#typed.text = text;
    const [prefix, from] = isRepeated ? [letter, this.#active + 1] : [text, this.#active];
    const found = await this.#actions.seek(prefix, from);
    if (found !== null) {
      this.goTo(found);
    }
  }
}

function indexOf({ target }: MouseEvent): number | undefined {
  const index = (target as Element).closest<HTMLElement>(".entry[data-index]")?.dataset["index"];
  return index === undefined ? undefined : Number(index);
}
