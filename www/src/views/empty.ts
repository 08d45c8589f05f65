import { h, icon } from "../dom.js";
import { dropped, candidatesOf, sizeOf, type Candidate } from "../files.js";
import { plainName, name } from "../names.js";
import { size, hexadecimal } from "../numbers.js";
import type { LastFileHandle } from "../last-file-handle.js";
import type { Partition } from "ntfsclone";
import { strings } from "../strings.js";

const words = strings.empty;

export interface EmptyOptions {
  /** What went wrong before. */
  problem: HTMLElement | null;
  choose(candidates: Candidate[]): void;
  sample(): void;
  /** The file of the last time, where the browser kept that. */
  again: LastFileHandle | undefined;
  openAgain(handle: LastFileHandle): void;
  /** The address names a place in what has to be opened first. */
  isLinked: boolean;
}

/** The first view: what the page is, and how to open a file. */
export function empty({ problem, choose, sample, again, openAgain, isLinked }: EmptyOptions): HTMLElement {
  const file = h("input", { type: "file", id: "file", multiple: true, class: "visually-hidden", tabindex: -1, "aria-label": words.choose });
  const folder = h("input", { type: "file", id: "folder", webkitdirectory: true, class: "visually-hidden", tabindex: -1, "aria-label": words.folder });
  for (const input of [file, folder]) {
    input.addEventListener("change", () => {
      const files = [...(input.files ?? [])];
      // The same again is a change, too.
      input.value = "";
      choose(candidatesOf(files));
    });
  }
  const pick = async () => {
    const { showOpenFilePicker } = window as unknown as WithPicker;
    if (!showOpenFilePicker) {
      file.click();
      return;
    }
    try {
      const handles = await showOpenFilePicker({ multiple: true });
      const files = await Promise.all(handles.map((handle) => handle.getFile()));
      const [only] = handles.length === 1 ? handles : [];
      choose(candidatesOf(files).map((candidate) => ({ ...candidate, handle: only })));
    } catch {
      // Nothing was chosen.
    }
  };
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
        h("button", { type: "button", class: again ? "" : "primary", click: () => void pick() }, icon("file"), words.choose),
        h("button", { type: "button", click: () => folder.click() }, icon("folder"), words.folder),
        h("button", { type: "button", class: "quiet", click: sample }, words.sample),
      ),
      h("p", { class: "drop-hint muted" }, words.drop),
      file,
      folder,
      h("p", { class: "local" }, icon("lock"), words.local),
    ),
    h("ul", { class: "features" }, ...words.features.map(([title, text]) => h("li", {}, h("h2", {}, title), h("p", {}, text)))),
    h("p", { class: "takes muted" }, words.takes),
  );
}

interface WithPicker {
  showOpenFilePicker?(options: { multiple: true }): Promise<FileSystemFileHandle[]>;
}

/** A few clusters: of files, folders, $MFT and system files, and free ones. */
function art(): HTMLElement {
  const pattern = "mmmfff.ddf.ffff.ssf.fff" + "ff.ssss.ffffd.fff..ffff";
  const kinds: Record<string, string> = { m: "mft", s: "system", d: "directory", f: "file", ".": "free" };
  return h("div", { class: "art" }, ...[...pattern].map((letter) => h("span", { class: `swatch ${kinds[letter]}` })));
}

/** Takes what is dropped anywhere on the page. */
export function takeDrops(choose: (candidates: Promise<Candidate[]>) => void): void {
  let depth = 0;
  const mark = () => document.documentElement.classList.toggle("is-dropping", depth > 0);
  const hint = h("div", { class: "drop-veil", "aria-hidden": "true" }, h("p", {}, words.dropNow));
  document.body.append(hint);
  addEventListener("dragenter", (event) => {
    event.preventDefault();
    depth += 1;
    mark();
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    mark();
  });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    mark();
    if (event.dataTransfer) {
      choose(dropped(event.dataTransfer));
    }
  });
}

/** Asks which file of a folder to open. */
export function chooser(candidates: Candidate[], choose: (candidate: Candidate) => void, back: () => void): HTMLElement {
  const { folder } = strings;
  const item = (candidate: Candidate) =>
    h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: "choice", click: () => choose(candidate) },
        icon("file"),
        h("span", { class: "choice-name" }, candidate.areOneDisk ? folder.together(candidate.files.length) : name(candidate.name)),
        h("span", { class: "muted" }, [size(sizeOf(candidate)), candidate.files.length > 1 && !candidate.areOneDisk ? folder.pieces(candidate.files.length) : null].filter(Boolean).join(" · ")),
      ),
    );
  return h(
    "div",
    { class: "view narrow" },
    h(
      "section",
      { class: "card" },
      h("h1", {}, folder.title),
      h("p", { class: "lead" }, candidates.length > 0 ? folder.lead : folder.none),
      h("ul", { class: "choices" }, ...candidates.slice(0, 500).map(item)),
      h("button", { type: "button", click: back }, folder.back),
    ),
  );
}

/** Asks which partition of a disk to open. */
export function partitionChooser(partitions: Partition[], choose: (partition: Partition) => void, back: () => void): HTMLElement {
  const texts = strings.partitions;
  const item = (partition: Partition) =>
    h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: "choice", disabled: !partition.isNtfs, click: () => choose(partition) },
        h("span", { class: "choice-name" }, texts.partition(partition.number)),
        h("span", { class: `chip ${partition.isNtfs ? "good" : ""}` }, partition.isNtfs ? texts.ntfs : texts.other),
        h("span", { class: "muted" }, `${size(partition.size)} ${texts.at(hexadecimal(partition.offset))}`),
      ),
    );
  const isAny = partitions.some(({ isNtfs }) => isNtfs);
  return h(
    "div",
    { class: "view narrow" },
    h(
      "section",
      { class: "card" },
      h("h1", {}, texts.title),
      h("p", { class: "lead" }, isAny ? texts.lead : texts.none),
      h("ul", { class: "choices" }, ...partitions.map(item)),
      h("button", { type: "button", click: back }, strings.folder.back),
    ),
  );
}
