import { fill, h, icon } from "../dom.js";
import type { Listed, ListFormat } from "../messages.js";
import { size } from "../numbers.js";
import { strings } from "../strings.js";
import { canSaveFolder } from "../saving.js";
import type { Selection } from "./selection.js";

const words = strings.files;
export type TakeoutFormat = "zip" | "tar" | "folder";

export interface ListFootActions {
  take(format: TakeoutFormat): void;
  exportList(format: ListFormat): void;
}

/** Below the list: what is chosen, and what can be done with it; or with all, if nothing is. */
export class ListFoot {
  readonly element: HTMLElement;
  readonly #selection: Selection;
  readonly #told = h("p", { class: "list-told" });
  readonly #zip: HTMLButtonElement;
  #listed: Listed | undefined;
  #isSearch = false;

  constructor(selection: Selection, actions: ListFootActions) {
    this.#selection = selection;
    this.#zip = h("button", { type: "button", class: "small primary", click: () => actions.take("zip") });
    const exported = (format: ListFormat) =>
      h("button", { type: "button", class: "quiet small", title: words.exportTitle, "aria-label": words.exportAs(format.toUpperCase()), click: () => actions.exportList(format) }, format.toUpperCase());
    this.element = h(
      "footer",
      { class: "list-foot" },
      this.#told,
      exported("csv"),
      exported("json"),
      canSaveFolder() && h("button", { type: "button", class: "small", title: words.toFolderTitle, click: () => actions.take("folder") }, words.toFolder),
      h("button", { type: "button", class: "small", title: words.tarTitle, click: () => actions.take("tar") }, words.tar),
      this.#zip,
    );
  }

  show(listed: Listed, isSearch: boolean): void {
    this.#listed = listed;
    this.#isSearch = isSearch;
    this.update();
  }

  /** Shows what is chosen now. */
  update(): void {
    const { length, room } = this.#selection;
    const listed = this.#listed;
    if (!listed) {
      return;
    }
    const all = this.#isSearch ? words.found(listed.length) : words.here(listed.length, listed.inside, size(listed.room));
    const chosen = length > 0 && h("strong", {}, words.selected(length, room === null ? null : size(room)));
    fill(this.#told, chosen, length > 0 && " · ", all);
    fill(this.#zip, icon("download"), length > 0 ? words.zipSelected(length) : this.#isSearch ? words.zipFound : words.zip);
    this.#zip.disabled = listed.length === 0;
  }
}
