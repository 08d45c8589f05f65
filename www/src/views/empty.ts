import { h, icon } from "../dom.js";
import { plainName } from "../names.js";
import type { LastFileHandle } from "../last-file-handle.js";
import type { Opener } from "../opener.js";
import { strings } from "../strings.js";

const words = strings.empty;

export interface EmptyOptions {
  /** What went wrong before. */
  problem: HTMLElement | null;
  opener: Opener;
  sample(): void;
  /** The file of the last time, where the browser kept that. */
  again: LastFileHandle | undefined;
  openAgain(handle: LastFileHandle): void;
  /** The address names a place in what has to be opened first. */
  isLinked: boolean;
}

/** The first view: what the page is, and how to open a file. */
export function empty({ problem, opener, sample, again, openAgain, isLinked }: EmptyOptions): HTMLElement {
  return h(
    "div",
    { class: "empty" },
    problem,
    h(
      "section",
      { class: "drop" },
      isLinked && h("p", { class: "notice" }, icon("info"), words.linked),
      h("div", { class: "drop-art", "aria-hidden": "true" }, art()),
      h("h1", {}, words.title),
      h("p", { class: "lead" }, words.lead),
      h(
        "div",
        { class: "drop-actions" },
        again && h("button", { type: "button", class: "primary", click: () => openAgain(again) }, icon("file"), words.again(plainName(again.name))),
        h("button", { type: "button", class: again ? "" : "primary", click: () => void opener.pickFile() }, icon("file"), words.choose),
        h("button", { type: "button", click: () => opener.pickFolder() }, icon("folder"), words.folder),
        h("button", { type: "button", class: "quiet", click: sample }, words.sample),
      ),
      h("p", { class: "drop-hint muted" }, words.drop),
      h("p", { class: "local" }, icon("lock"), words.local),
    ),
    h("ul", { class: "features" }, ...words.features.map(([title, text]) => h("li", {}, h("h2", {}, title), h("p", {}, text)))),
    h("p", { class: "takes muted" }, words.takes),
  );
}

/** A few clusters: of files, folders, $MFT and system files, and free ones. */
function art(): HTMLElement {
  const pattern = "mmmfff.ddf.ffff.ssf.fff" + "ff.ssss.ffffd.fff..ffff";
  const kinds: Record<string, string> = { m: "mft", s: "system", d: "directory", f: "file", ".": "free" };
  return h("div", { class: "art" }, ...[...pattern].map((letter) => h("span", { class: `swatch ${kinds[letter]}` })));
}
