import type { Finding, Place, Report } from "ntfsclone";
import type { Context, View } from "../context.js";
import { fill, h, icon, type Child } from "../dom.js";
import { downloadText } from "../download.js";
import { isAbort, problemOf } from "../failure.js";
import { name } from "../names.js";
import { count, hexadecimal, size } from "../numbers.js";
import { Meter } from "../progress.js";
import { safeName } from "../safe-names.js";
import { strings } from "../strings.js";
import { problemBox } from "./problem.js";

const words = strings.validate;
/** More at once would take long to lay out. */
const ROWS_AT_ONCE = 50;
const FILES_AT_ONCE = 24;

/** Checks what is open, and shows the report. */
export function validate(context: Context): View {
  const element = h("div", { class: "view validate" });
  const invite = (...above: Child[]) => {
    const start = h("button", { type: "button", class: "primary", click: () => void run() }, words.start);
    fill(element, ...above, h("section", { class: "card invite" }, h("h1", {}, words.title), h("p", { class: "lead" }, words.lead), parts(), start));
    return start;
  };
  const run = async () => {
    const controller = new AbortController();
    const meter = new Meter(words.working, words.cancel, context.announce, () => controller.abort());
    fill(element, meter.element);
    meter.element.querySelector("button")?.focus();
    context.announce(words.working);
    try {
      const report = await context.session.ask("validate", null, {
        signal: AbortSignal.any([controller.signal, context.closed]),
        onProgress: (progress) => meter.update(progress),
      });
      fill(element, ...reportOf(context, report, () => void run()));
      context.announce(report.sound ? words.sound : words.unsound(report.errors));
    } catch (error) {
      const start = invite(isAbort(error) ? h("p", { class: "notice" }, icon("info"), words.cancelled) : problemBox(problemOf(error)));
      if (isAbort(error)) {
        context.announce(words.cancelled);
      }
      start.focus();
    }
  };
  invite();
  return { element };
}

/** What is checked. */
function parts(): HTMLElement {
  return h("ul", { class: "features" }, ...words.parts.map(([title, text]) => h("li", {}, h("h2", {}, title), h("p", {}, text))));
}

function reportOf(context: Context, report: Report, again: () => void): HTMLElement[] {
  const looked = [
    report.image && words.image(size(report.image.bytes), count(report.image.clusters)),
    report.volume ? words.volume(count(report.volume.files), count(report.volume.clusters)) : words.noVolume,
    report.checksums.length > 0 ? words.checksums(report.checksums.join(", ")) : null,
  ].filter((part) => part !== null);
  const verdict = h(
    "section",
    { class: `card verdict ${report.sound ? "sound" : "unsound"}` },
    h("div", { class: "verdict-mark" }, icon(report.sound ? "check" : "alert")),
    h(
      "div",
      { class: "verdict-text" },
      h("h1", {}, report.sound ? words.sound : words.unsound(report.errors)),
      h("p", { class: "lead" }, leadOf(report)),
      looked.length > 0 && h("p", { class: "muted" }, `${words.looked}: `, name(looked.join("; "))),
    ),
    h(
      "div",
      { class: "verdict-tools" },
      h("button", { type: "button", click: () => exportReport(context, report) }, icon("download"), words.export),
      h("button", { type: "button", class: "quiet", click: again }, words.again),
    ),
  );
  return [verdict, ...files(report), findings(context, report)];
}

/** What the verdict means, and what could not be judged. */
function leadOf({ sound, checksums, image }: Report): string {
  if (!sound) {
    return words.unsoundLead;
  }
  return words.soundLead[checksums.length > 0 ? "checksums" : image ? "image" : "volume"];
}

function findings(context: Context, report: Report): HTMLElement {
  const { counts } = words;
  const chips = (["error", "warning", "note"] as const).map((severity) =>
    h("span", { class: report[`${severity}s`] > 0 ? `chip ${severity}` : "chip" }, counts[severity](report[`${severity}s`])),
  );
  const rows = h("tbody");
  const more = h("button", { type: "button", class: "more", click: () => append() });
  let shown = 0;
  const append = () => {
    const next = report.findings.slice(shown, shown + ROWS_AT_ONCE);
    rows.append(...next.map((finding, index) => row(context, finding, isSameKind(finding, report.findings[shown + index - 1]))));
    shown += next.length;
    more.hidden = shown >= report.findings.length;
    more.textContent = words.more(count(Math.min(ROWS_AT_ONCE, report.findings.length - shown)));
  };
  append();
  const { columns } = words;
  const head = h(
    "tr",
    {},
    ...[columns.severity, columns.found, columns.place, columns.files].map((column) => h("th", { scope: "col" }, column)),
  );
  return h(
    "section",
    { class: "card findings" },
    h("header", { class: "card-header" }, h("h2", {}, words.findings), h("div", { class: "chips" }, ...chips)),
    report.findings.length === 0 ? h("p", { class: "muted" }, words.none) : h("table", {}, h("thead", {}, head), rows),
    more,
  );
}

/** The meaning and the advice are shown once for consecutive findings of a kind. */
function isSameKind(finding: Finding, before: Finding | undefined): boolean {
  return before?.code === finding.code && before.severity === finding.severity && before.meaning === finding.meaning && before.advice === finding.advice;
}

function row(context: Context, finding: Finding, isLikeBefore: boolean): HTMLElement {
  const { severity, message, meaning, systems, advice, in: where, offset, length, also_at: also } = finding;
  return h(
    "tr",
    { class: isLikeBefore && "like-before" },
    h("td", { class: "finding-severity" }, h("span", { class: `chip ${severity}` }, words.severities[severity])),
    h(
      "td",
      { class: "finding-text" },
      h("strong", {}, name(message)),
      !isLikeBefore && h("p", {}, name(meaning)),
      !isLikeBefore && systems !== null && h("p", {}, name(systems)),
      !isLikeBefore && h("p", { class: "advice" }, h("span", { class: "muted" }, `${words.todo}: `), name(advice)),
    ),
    h(
      "td",
      { class: "finding-place" },
      where === undefined || offset === undefined
        ? h("span", { class: "muted" }, words.nowhere)
        : place(context, where, offset, length ?? null),
      also && h("span", { class: "muted" }, ` (${words.place[also.in]}, ${hexadecimal(also.offset)})`),
    ),
    h("td", { class: "finding-files" }, finding.files.length > 0 && list(finding.files, 5)),
  );
}

function place(context: Context, where: Place["in"], offset: number, length: number | null): HTMLElement {
  // Offsets in a compressed image, or in one in a partition, are not offsets in the file.
  const isShown = where === "volume" || context.info.layers.length === 0;
  const text = `${words.place[where]}, ${hexadecimal(offset)}`;
  const of = where === "volume" ? "volume" : "file";
  return h(
    "span",
    {},
    isShown
      ? h("button", { type: "button", class: "link", title: words.showBytes, click: () => context.go({ view: "bytes", at: offset, of }) }, text)
      : text,
    length === null ? null : h("span", { class: "muted" }, ` ${size(length)}`),
  );
}

function files({ files, files_left_out }: Report): HTMLElement[] {
  if (files.length === 0) {
    return [];
  }
  const left = files_left_out > 0 ? h("p", { class: "muted" }, words.filesLeft(count(files_left_out))) : null;
  return [h("section", { class: "card files" }, h("h2", {}, words.filesAll(files.length)), list(files, FILES_AT_ONCE), left)];
}

/** The first paths, with a button for more. */
function list(paths: string[], atOnce: number): HTMLElement {
  const items = h("ul", { class: "paths" });
  const more = h("button", { type: "button", class: "link", click: () => append(ROWS_AT_ONCE) });
  let shown = 0;
  const append = (some: number) => {
    items.append(...paths.slice(shown, shown + some).map((path) => h("li", {}, name(path))));
    shown = Math.min(paths.length, shown + some);
    more.hidden = shown >= paths.length;
    more.textContent = words.more(count(paths.length - shown));
  };
  append(atOnce);
  return h("div", {}, items, more);
}

function exportReport(context: Context, report: Report): void {
  downloadText(safeName(context.name, ".report.json"), "application/json", `${JSON.stringify(report, null, 2)}\n`);
}
