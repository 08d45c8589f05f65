import type { Loss, Resized, ResizeLimits } from "ntfsclone";
import type { Context } from "../context.js";
import { fill, h, icon } from "../dom.js";
import { isAbort, problemOf } from "../failure.js";
import { name } from "../names.js";
import { count, size } from "../numbers.js";
import { strings } from "../strings.js";

const words = strings.newSize;
const GIB = 2 ** 30;

/** The size of the volume in the result: as it is, the least, or another; with what it loses. */
export class NewSize {
  readonly element: HTMLElement;
  readonly #context: Context;
  readonly #least = h("option", { value: "min" });
  readonly #choice: HTMLSelectElement;
  readonly #number: HTMLInputElement;
  readonly #field: HTMLElement;
  readonly #losses = h("div", { class: "new-size-losses" });
  #leastSize: number | null;
  #limits: Promise<void> | undefined;

  constructor(context: Context) {
    this.#context = context;
    const { volume } = context.info;
    this.#leastSize = volume?.least_size ?? null;
    this.#choice = h(
      "select",
      { id: "new-size", "aria-describedby": "about-new-size" },
      h("option", { value: "" }, words.same),
      this.#least,
      h("option", { value: "other" }, words.other),
    );
    const now = volume === null ? "" : String(Number((volume.size / GIB).toPrecision(4)));
    this.#number = h("input", { type: "number", id: "new-size-number", min: "0", step: "any", value: now, input: () => this.#check() });
    this.#field = h("label", { class: "field inline", for: "new-size-number", hidden: true }, this.#number, words.unit);
    this.element = h(
      "div",
      { class: "compress new-size" },
      h("label", { class: "field inline", for: "new-size" }, words.title, this.#choice),
      this.#field,
      h("p", { class: "muted", id: "about-new-size" }, words.lead),
      this.#losses,
    );
    this.#showLeast();
  }

  /** Null: as it is. */
  get value(): number | "min" | null {
    switch (this.#choice.value) {
      case "min":
        return "min";
      case "other":
        return Math.max(1, Math.floor(this.#number.valueAsNumber * GIB) || 1);
      default:
        return null;
    }
  }

  show(isSeen: boolean): void {
    this.element.hidden = !isSeen;
    const value = isSeen ? this.value : null;
    const isNumber = this.#choice.value === "other";
    this.#field.hidden = !isNumber;
    this.#number.disabled = !isNumber;
    this.#losses.hidden = value === null;
    if (value !== null) {
      this.#limits ??= this.#find();
    }
    this.#check();
  }

  async #find(): Promise<void> {
    const { session, closed, announce } = this.#context;
    fill(this.#losses, h("p", { class: "muted" }, words.finding));
    try {
      const limits = await session.ask("resizeLimits", null, { signal: closed });
      this.#leastSize = limits.least_size;
      this.#showLeast();
      this.#check();
      fill(this.#losses, lossNotice(limits));
      announce(limits.losses.length > 0 ? words.loses : words.losesNothing);
    } catch (error) {
      if (!isAbort(error)) {
        fill(this.#losses, h("p", { class: "muted" }, name(problemOf(error).message)));
      }
    }
  }

  #showLeast(): void {
    fill(this.#least, this.#leastSize === null ? words.leastUnknown : words.least(size(this.#leastSize)));
  }

  /** The browser says so, and does not begin. */
  #check(): void {
    const value = this.value;
    const isTooSmall = typeof value === "number" && this.#leastSize !== null && value < this.#leastSize;
    this.#number.setCustomValidity(isTooSmall ? words.tooSmall(size(this.#leastSize ?? 0)) : "");
  }
}

function lossNotice({ losses }: ResizeLimits): HTMLElement {
  if (losses.length === 0) {
    return h("p", { class: "muted" }, words.losesNothing);
  }
  const items = losses.map((loss) => h("li", {}, textOf(loss)));
  return h("div", { class: "notice" }, icon("alert"), h("div", { class: "notice-text" }, h("strong", {}, words.loses), h("ul", {}, ...items)));
}

function textOf(loss: Loss): string {
  switch (loss.code) {
    case "shadow-copies":
      return words.shadowCopies(loss.copies, size(loss.bytes));
    case "encrypted-swap":
      return words.encryptedSwap(size(loss.bytes));
    case "bitlocker":
      return words.bitLocker(size(loss.bytes));
    default:
      return words.losses[loss.code];
  }
}

/** What was changed in the volume. */
export function resizedList(resized: Resized): HTMLElement {
  const { old_size, moved_clusters, changed_records, emptied_journal, bad_clusters, losses } = resized;
  const items = [
    words.sizes(size(old_size), size(resized.size)),
    words.changed(count(moved_clusters), count(changed_records)),
    words.journal(size(emptied_journal)),
    ...(bad_clusters > 0 ? [words.bad(count(bad_clusters))] : []),
    ...losses.map(textOf),
  ];
  return h("ul", { class: "resized" }, ...items.map((item) => h("li", {}, item)));
}
