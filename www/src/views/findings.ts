import type { Finding, FindingCode, Place, Report } from "ntfsclone";
import type { Context } from "../context.js";
import { h } from "../dom.js";
import { name, plainName } from "../names.js";
import { capitalised, count, hexadecimal, size } from "../numbers.js";
import { strings } from "../strings.js";

const words = strings.validate;
/** More at once would take long to lay out. */
const ROWS_AT_ONCE = 50;
const FILES_OF_FINDING = 5;

/** What an image lacks that is cut short. */
const FOLLOW_FROM_CUT: readonly FindingCode[] = ["cluster-missing"];

/** Findings of one cause. */
interface Group {
  first: Finding;
  findings: Finding[];
}

/** All findings, those of one cause together. */
export function findingList(context: Context, report: Report): HTMLElement {
  const { counts } = words;
  const chips = (["error", "warning", "note"] as const).map((severity) =>
    h("span", { class: report[`${severity}s`] > 0 ? `chip ${severity}` : "chip" }, counts[severity](report[`${severity}s`])),
  );
  const groups = groupsOf(report.findings);
  const isCut = groups.some(({ first }) => first.code === "image-truncated");
  const items = groups.map((group) => h("li", {}, groupOf(context, report, group, isCut && FOLLOW_FROM_CUT.includes(group.first.code))));
  return h(
    "section",
    { class: "card findings" },
    h("header", { class: "card-header" }, h("h2", {}, words.findings), h("div", { class: "chips" }, ...chips)),
    items.length === 0 ? h("p", { class: "muted" }, words.none) : h("ul", { class: "finding-groups" }, ...items),
  );
}

/** In the order of the report, but for an image that is cut short: that comes first, for others follow from it. */
function groupsOf(findings: Finding[]): Group[] {
  const groups = new Map<string, Group>();
  for (const finding of findings) {
    const { severity, code, meaning, advice } = finding;
    const key = JSON.stringify([severity, code, meaning, advice]);
    const group = groups.get(key);
    if (group) {
      group.findings.push(finding);
    } else {
      groups.set(key, { first: finding, findings: [finding] });
    }
  }
  const isCut = ({ first }: Group) => Number(first.code === "image-truncated");
  return [...groups.values()].sort((a, b) => isCut(b) - isCut(a));
}

function groupOf(context: Context, report: Report, { first, findings }: Group, isConsequence: boolean): HTMLElement {
  const { severity, meaning, systems, advice } = first;
  const cut = first.code === "image-truncated" ? cutText(context, report) : null;
  const isOne = findings.length === 1;
  return h(
    "article",
    { class: "finding-group" },
    h("span", { class: `chip ${severity}` }, words.severities[severity]),
    h(
      "div",
      { class: "finding-text" },
      h("strong", {}, cut ?? name(capitalised(isOne ? first.message : meaning))),
      !isOne && h("span", { class: "muted" }, ` ${words.places(findings.length)}`),
      (isOne || cut !== null) && h("p", {}, name(capitalised(meaning))),
      isConsequence && h("p", {}, words.follows),
      systems !== null && h("p", {}, name(capitalised(systems))),
      !isConsequence && h("p", { class: "advice" }, h("span", { class: "muted" }, `${words.todo}: `), name(advice)),
      isOne && cut === null ? one(context, first) : all(context, findings, isConsequence),
    ),
  );
}

/** How much of the image is there. */
function cutText({ info }: Context, { image }: Report): string | null {
  if (!image || !info.image) {
    return null;
  }
  const { clusters_in_use, cluster_size } = info.image;
  return words.cut(size(image.clusters * cluster_size), size(clusters_in_use * cluster_size));
}

/** Where it is, and which files it touches. */
function one(context: Context, finding: Finding): HTMLElement {
  return h("div", { class: "finding-where" }, place(context, finding), finding.files.length > 0 && fileList(context, finding.files, FILES_OF_FINDING));
}

/** All findings of one cause, folded if there are many. */
function all(context: Context, findings: Finding[], isFolded: boolean): HTMLElement {
  const list = h("ul", { class: "finding-list" });
  const more = h("button", { type: "button", class: "small", click: () => append() });
  let shown = 0;
  const append = () => {
    const next = findings.slice(shown, shown + ROWS_AT_ONCE);
    list.append(...next.map((finding) => h("li", { class: "finding" }, h("span", {}, name(finding.message)), one(context, finding))));
    shown += next.length;
    more.hidden = shown >= findings.length;
    more.textContent = words.more(count(Math.min(ROWS_AT_ONCE, findings.length - shown)));
  };
  append();
  return h("details", { open: !isFolded && findings.length <= FILES_OF_FINDING }, h("summary", {}, words.places(findings.length)), list, more);
}

function place(context: Context, { in: where, offset, length, also_at: also }: Finding): HTMLElement {
  if (where === undefined || offset === undefined) {
    return h("span", { class: "finding-place muted" }, words.nowhere);
  }
  return h(
    "span",
    { class: "finding-place" },
    placeLink(context, where, offset),
    length !== undefined && length !== null && h("span", { class: "muted" }, ` ${size(length)}`),
    also && h("span", { class: "muted" }, ` (${words.place[also.in]}, ${hexadecimal(also.offset)})`),
  );
}

function placeLink(context: Context, where: Place["in"], offset: number): HTMLElement | string {
  const text = `${words.place[where]}, ${hexadecimal(offset)}`;
  // Offsets in a compressed image, or in one in a partition, are not offsets in the file.
  if (where !== "volume" && context.info.layers.length > 0) {
    return text;
  }
  const of = where === "volume" ? "volume" : "file";
  return h("button", { type: "button", class: "link", title: words.showBytes, click: () => context.go({ view: "bytes", at: offset, of }) }, text);
}

/** The first paths as links to the files, with a button for more. */
export function fileList(context: Context, paths: string[], atOnce: number): HTMLElement {
  const items = h("ul", { class: "paths" });
  const more = h("button", { type: "button", class: "link", click: () => append(ROWS_AT_ONCE) });
  let shown = 0;
  const link = (path: string) => h("button", { type: "button", class: "link", click: () => void show(context, path) }, name(path));
  const append = (some: number) => {
    items.append(...paths.slice(shown, shown + some).map((path) => h("li", {}, link(path))));
    shown = Math.min(paths.length, shown + some);
    more.hidden = shown >= paths.length;
    more.textContent = words.more(count(paths.length - shown));
  };
  append(atOnce);
  return h("div", {}, items, more);
}

/** Goes to a file, by its path in a report. */
async function show({ session, survey, closed, go, announce }: Context, path: string): Promise<void> {
  const isKnown = await survey.whenDone();
  const record = isKnown ? await session.ask("recordOf", path, { signal: closed }) : null;
  if (record === null) {
    announce(words.noFile(plainName(path)));
  } else {
    go({ view: "files", file: record, folder: null });
  }
}
