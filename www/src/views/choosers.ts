import type { Partition } from "ntfsclone";
import { h, icon, type Child } from "../dom.js";
import { sizeOf, type Candidate } from "../files.js";
import { name, plainName } from "../names.js";
import { hexadecimal, size } from "../numbers.js";
import { strings } from "../strings.js";

/** The page lists so many files of a folder at most. */
const MOST_LISTED = 500;

/** Asks which file of a folder to open. */
export function chooser(candidates: Candidate[], choose: (candidate: Candidate) => void, back: () => void): HTMLElement {
  const { folder } = strings;
  const item = (candidate: Candidate) => {
    const { files, sidecars, missing, areOneDisk = false } = candidate;
    const facts = [
      size(sizeOf(candidate)),
      files.length > 1 && !areOneDisk ? folder.pieces(files.length) : null,
      sidecars.length > 0 ? folder.checksums(sidecars.length) : null,
      missing === undefined ? null : folder.missing(plainName(missing)),
    ];
    const title: Child = areOneDisk ? folder.together(files.length) : name(candidate.name);
    return choice(() => choose(candidate), icon("file"), h("span", { class: "choice-name" }, title), h("span", { class: "muted" }, facts.filter((fact) => fact !== null).join(" · ")));
  };
  const lead = candidates.length > 0 ? folder.lead : folder.none;
  return card(folder.title, lead, candidates.slice(0, MOST_LISTED).map(item), back);
}

/** Asks which partition of a disk to open. Those without NTFS can be chosen, too: the answer says what they are. */
export function partitionChooser(partitions: Partition[], choose: (partition: Partition) => void, back: () => void): HTMLElement {
  const texts = strings.partitions;
  const item = (partition: Partition) =>
    choice(
      () => choose(partition),
      h("span", { class: "choice-name" }, texts.partition(partition.number)),
      h("span", { class: `chip ${partition.isNtfs ? "good" : ""}` }, partition.isNtfs ? texts.ntfs : texts.other),
      h("span", { class: "muted" }, `${size(partition.size)} ${texts.at(hexadecimal(partition.offset))}`),
    );
  const isAny = partitions.some(({ isNtfs }) => isNtfs);
  return card(texts.title, isAny ? texts.lead : texts.none, partitions.map(item), back);
}

function choice(click: () => void, ...content: Child[]): HTMLElement {
  return h("li", {}, h("button", { type: "button", class: "choice", click }, ...content));
}

function card(title: string, lead: string, choices: HTMLElement[], back: () => void): HTMLElement {
  return h(
    "div",
    { class: "view narrow" },
    h(
      "section",
      { class: "card" },
      h("h1", {}, title),
      h("p", { class: "lead" }, lead),
      h("ul", { class: "choices" }, ...choices),
      h("button", { type: "button", click: back }, strings.folder.back),
    ),
  );
}
