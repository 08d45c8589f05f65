import type { Remains } from "ntfsclone";
import type { Context } from "../context.js";
import { fill, h, icon, type Child } from "../dom.js";
import { isAbort, problemOf } from "../failure.js";
import { ROOT } from "../kinds.js";
import { name } from "../names.js";
import { count, percent, size } from "../numbers.js";
import { textOf } from "../paths.js";
import { strings } from "../strings.js";

const words = strings.anonymise;
const MOST_EXAMPLES = 6;

/** Lists what a metadata image would reveal, and what would be wiped, before one is made. */
export class Anonymise {
  readonly element = h("div", { class: "notice anonymise", hidden: true });
  readonly #context: Context;
  readonly #onSize: (bytes: number) => void;
  #remains: Promise<void> | undefined;
  #stop = new AbortController();

  /** `onSize` is called with the size of the image. */
  constructor(context: Context, onSize: (bytes: number) => void) {
    this.#context = context;
    this.#onSize = onSize;
  }

  /** Scans while it is visible, and keeps the result. */
  show(isSeen: boolean): void {
    this.element.hidden = !isSeen;
    if (isSeen) {
      this.#remains ??= this.#find();
    } else {
      this.#stop.abort();
    }
  }

  async #find(): Promise<void> {
    const { session, closed, announce } = this.#context;
    this.#stop = new AbortController();
    const bar = h("progress", { max: 1, "aria-label": words.finding });
    const percents = h("span", { class: "muted" });
    this.#fill(h("p", {}, words.finding, " ", percents), bar);
    try {
      const signal = AbortSignal.any([closed, this.#stop.signal]);
      const remains = await session.ask("remains", null, {
        signal,
        onProgress: ({ done, total }) => {
          bar.value = done / Math.max(1, total);
          percents.textContent = percent(done, total);
        },
      });
      const examples = await this.#examples(signal);
      this.#onSize(remains.image_size);
      this.#fill(h("div", { class: "columns" }, this.#stays(remains, examples), wiped(remains)), damagedRecords(remains));
      announce(words.found);
    } catch (error) {
      this.#remains = undefined;
      if (!isAbort(error)) {
        this.#fill(h("p", {}, words.notFound), h("p", { class: "muted" }, name(problemOf(error).message)));
      }
    }
  }

  #fill(...content: Child[]): void {
    fill(this.element, icon("lock"), h("div", { class: "notice-text" }, h("strong", {}, words.title), ...content));
  }

  /** Some of the names, if they are known. */
  async #examples(signal: AbortSignal): Promise<string[]> {
    const { session, survey } = this.#context;
    if (survey.state.kind !== "done") {
      return [];
    }
    const listing = { folder: ROOT, search: null, hasSystem: false, sort: { by: "room", isDescending: true } } as const;
    const rows = await session.ask("rows", { ...listing, from: 0, length: MOST_EXAMPLES }, { signal });
    return rows.map(textOf);
  }

  #stays({ sensitive }: Remains, examples: string[]): HTMLElement {
    const { volume } = this.#context.info;
    const { file_names, shared_security_bytes, log_file_bytes, ...counts } = sensitive;
    const there = (Object.keys(counts) as (keyof typeof counts)[]).filter((kind) => counts[kind] > 0);
    const names = h("span", {}, `${words.stays.file_names}: ${count(file_names)}`);
    if (examples.length > 0) {
      names.append(h("span", { class: "examples" }, `${words.asThese} `, ...examples.flatMap((example, index) => [index > 0 ? ", " : "", name(example)])));
    }
    return list(words.staysTitle, [
      names,
      volume && words.serial(volume.serial),
      ...there.map((kind) => (kind === "labels" && volume?.label ? h("span", {}, words.label, name(volume.label)) : `${words.stays[kind]}: ${count(counts[kind])}`)),
      shared_security_bytes > 0 && `${words.stays.shared_security_bytes}: ${size(shared_security_bytes)}`,
      log_file_bytes > 0 && `${words.stays.log_file_bytes}: ${size(log_file_bytes)}`,
      words.deletedNames,
      words.always,
    ]);
  }
}

function wiped({ wiped }: Remains): HTMLElement {
  const kinds = Object.keys(wiped) as (keyof typeof wiped)[];
  return list(words.goesTitle, [words.content, ...kinds.map((kind) => `${words.goes[kind]}: ${size(wiped[kind])}`)]);
}

function damagedRecords({ damaged_records }: Remains): HTMLElement | null {
  return damaged_records === 0 ? null : h("p", { class: "anonymise-warning" }, icon("alert"), words.damaged(damaged_records));
}

function list(title: string, items: Child[]): HTMLElement {
  const there = items.filter((item) => item !== null && item !== false);
  return h("div", {}, h("h2", {}, title), h("ul", {}, ...there.map((item) => h("li", {}, item))));
}
