import { h, icon } from "../dom.js";
import type { Search } from "../messages.js";
import { strings } from "../strings.js";

const words = strings.search;
/** So long nothing is searched for while somebody types. */
const MILLISECONDS_BEFORE_SEARCH = 80;
const MIB = 2 ** 20;
const MILLISECONDS_OF_DAY = 86_400_000;

/** Where names are searched for, and sizes and dates. */
export class SearchBar {
  readonly element: HTMLElement;
  readonly #text: HTMLInputElement;
  readonly #least = number("search-least");
  readonly #most = number("search-most");
  readonly #since = h("input", { type: "date", id: "search-since" });
  readonly #until = h("input", { type: "date", id: "search-until" });
  readonly #filters: HTMLDetailsElement;
  #timer = 0;

  /** `onSearch` is called when something else is searched for; `onLeave` to go on in the list. */
  constructor(onSearch: () => void, onLeave: () => void) {
    this.#text = h("input", {
      type: "search",
      id: "search",
      placeholder: words.placeholder,
      autocomplete: "off",
      spellcheck: "false",
      "aria-label": words.label,
      "aria-keyshortcuts": "/",
      input: () => this.#wait(onSearch),
      keydown: (event: KeyboardEvent) => {
        if (event.key === "ArrowDown" || event.key === "Enter") {
          event.preventDefault();
          onLeave();
        } else if (event.key === "Escape" && this.#text.value !== "") {
          event.preventDefault();
          this.clear();
          onSearch();
        }
      },
    });
    this.#filters = h(
      "details",
      { class: "search-filters", input: () => this.#wait(onSearch) },
      h("summary", {}, words.filters),
      h(
        "div",
        { class: "search-fields" },
        field(words.least, this.#least),
        field(words.most, this.#most),
        field(words.since, this.#since),
        field(words.until, this.#until),
        h("button", { type: "button", class: "small", click: () => (this.#clearFilters(), onSearch()) }, words.clear),
      ),
    );
    this.element = h("search", { class: "search-bar" }, h("div", { class: "search-field" }, icon("search"), this.#text), this.#filters);
  }

  get text(): string {
    return this.#text.value;
  }

  /** Shows a text that came from elsewhere, such as the address. */
  set text(text: string) {
    if (this.#text.value !== text) {
      this.#text.value = text;
    }
  }

  /** What is searched for; null if nothing is. */
  get search(): Search | null {
    const until = this.#until.valueAsNumber;
    const search = {
      text: this.#text.value.trim(),
      least: bytesOf(this.#least),
      most: bytesOf(this.#most),
      since: localDay(this.#since.valueAsNumber),
      // The day itself, too.
      until: localDay(until + MILLISECONDS_OF_DAY),
    };
    return search.text === "" && [search.least, search.most, search.since, search.until].every((value) => value === null) ? null : search;
  }

  clear(): void {
    this.#text.value = "";
    this.#clearFilters();
  }

  focus(): void {
    this.#text.focus();
    this.#text.select();
  }

  #clearFilters(): void {
    for (const input of [this.#least, this.#most, this.#since, this.#until]) {
      input.value = "";
    }
  }

  #wait(onSearch: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(onSearch, MILLISECONDS_BEFORE_SEARCH);
  }
}

function number(id: string): HTMLInputElement {
  return h("input", { type: "number", id, min: "0", step: "any" });
}

function field(label: string, input: HTMLInputElement): HTMLElement {
  return h("label", { for: input.id }, label, input);
}

function bytesOf({ valueAsNumber }: HTMLInputElement): number | null {
  return Number.isNaN(valueAsNumber) ? null : valueAsNumber * MIB;
}

/** The start of a day where the visitor is. The field gives that of Greenwich. */
function localDay(milliseconds: number): number | null {
  if (Number.isNaN(milliseconds)) {
    return null;
  }
  const day = new Date(milliseconds);
  return new Date(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate()).getTime();
}
