import type { Report } from "ntfsclone";
import type { Context, View } from "../context.js";
import { fill, h, icon, type Child } from "../dom.js";
import { downloadText } from "../download.js";
import { isAbort, problemOf } from "../failure.js";
import { name } from "../names.js";
import { count, size } from "../numbers.js";
import { Meter } from "../progress.js";
import { safeName } from "../safe-names.js";
import { strings } from "../strings.js";
import { fileList, findingList } from "./findings.js";
import { problemBox } from "./problem.js";

const words = strings.validate;
const FILES_AT_ONCE = 24;

/** Checks what is open, and shows the report. */
export function validate(context: Context): View {
  const view = new ValidateView(context);
  return { element: view.element };
}

class ValidateView {
  readonly element = h("div", { class: "view validate" });
  readonly #context: Context;
  readonly #message = h("div", { class: "message" });
  readonly #sidecar = h("input", { type: "file", id: "sidecar", accept: ".b3,.sha256", multiple: true, hidden: true, "aria-label": strings.sidecars.compare });
  /** What is shown: the invitation, or a report. */
  #isReport = false;

  constructor(context: Context) {
    this.#context = context;
    this.#sidecar.addEventListener("change", () => {
      const files = [...(this.#sidecar.files ?? [])];
      this.#sidecar.value = "";
      void this.#take(files);
    });
    context.sidecars.follow(() => (this.#isReport ? void this.#run() : this.#invite()));
    this.#invite();
  }

  #invite(...above: Child[]): HTMLElement {
    const start = h("button", { type: "button", class: "primary", click: () => void this.#run() }, words.start);
    const { names } = this.#context.sidecars;
    this.#isReport = false;
    fill(
      this.element,
      ...above,
      this.#message,
      h(
        "section",
        { class: "card invite" },
        h("h1", {}, words.title),
        h("p", { class: "lead" }, words.lead),
        parts(),
        names.length > 0 && h("p", { class: "given" }, icon("check"), name(strings.sidecars.given(names.join(", ")))),
        h("div", { class: "verdict-tools" }, start, this.#compareButton()),
      ),
      this.#sidecar,
    );
    return start;
  }

  #compareButton(): HTMLElement {
    return h("button", { type: "button", class: "quiet", click: () => this.#sidecar.click() }, strings.sidecars.compare);
  }

  async #take(files: File[]): Promise<void> {
    fill(this.#message);
    try {
      await this.#context.sidecars.add(files);
    } catch (error) {
      fill(this.#message, problemBox(problemOf(error), { onDismiss: () => fill(this.#message) }));
    }
  }

  async #run(): Promise<void> {
    const { session, closed, sidecars, jobs, announce } = this.#context;
    const controller = new AbortController();
    const meter = new Meter(words.working, words.cancel, announce, () => controller.abort());
    fill(this.#message);
    fill(this.element, meter.element);
    meter.element.querySelector("button")?.focus();
    announce(words.working);
    try {
      const report = await jobs.run(words.working, () => controller.abort(), async (onProgress) =>
        session.ask("validate", { sidecars: await sidecars.read() }, {
          signal: AbortSignal.any([controller.signal, closed]),
          onProgress: (progress) => {
            meter.update(progress);
            onProgress(progress);
          },
        }),
      );
      this.#isReport = true;
      fill(this.element, this.#message, ...this.#report(report), this.#sidecar);
      announce(titleOf(report));
    } catch (error) {
      const start = this.#invite(isAbort(error) ? h("p", { class: "notice" }, icon("info"), words.cancelled) : problemBox(problemOf(error)));
      if (isAbort(error)) {
        announce(words.cancelled);
      }
      start.focus();
    }
  }

  #report(report: Report): HTMLElement[] {
    const { names } = this.#context.sidecars;
    const looked = [
      report.image && words.image(size(report.image.bytes), count(report.image.clusters)),
      report.volume ? words.volume(count(report.volume.files), count(report.volume.clusters)) : words.noVolume,
      report.checksums.length > 0 ? words.checksums(report.checksums.join(", ")) : null,
    ].filter((part) => part !== null);
    const unjudged = unjudgedOf(report);
    const verdict = h(
      "section",
      { class: `card verdict ${report.sound ? "sound" : "unsound"}` },
      h("div", { class: "verdict-mark" }, icon(report.sound ? "check" : "alert")),
      h(
        "div",
        { class: "verdict-text" },
        h("h1", {}, titleOf(report)),
        h("p", { class: "lead" }, leadOf(report)),
        unjudged !== null && h("p", { class: "unjudged" }, icon("info"), unjudged),
        looked.length > 0 && h("p", { class: "muted" }, `${words.looked}: `, name(looked.join("; "))),
        names.length > 0 && h("p", { class: "muted" }, name(strings.sidecars.with(names.join(", ")))),
      ),
      h(
        "div",
        { class: "verdict-tools" },
        unjudged !== null && this.#compareButton(),
        h("button", { type: "button", click: () => exportReport(this.#context, report) }, icon("download"), words.export),
        h("button", { type: "button", class: "quiet", click: () => void this.#run() }, words.again),
      ),
    );
    return [verdict, ...this.#files(report), findingList(this.#context, report)];
  }

  #files({ files, files_left_out }: Report): HTMLElement[] {
    if (files.length === 0) {
      return [];
    }
    const left = files_left_out > 0 ? h("p", { class: "muted" }, words.filesLeft(count(files_left_out))) : null;
    return [h("section", { class: "card files" }, h("h2", {}, words.filesAll(files.length)), fileList(this.#context, files, FILES_AT_ONCE), left)];
  }
}

/** What is checked. */
function parts(): HTMLElement {
  return h("ul", { class: "features" }, ...words.parts.map(([title, text]) => h("li", {}, h("h2", {}, title), h("p", {}, text))));
}

/** Without checksums, nobody can tell that it is sound. */
function titleOf({ sound, errors, checksums }: Report): string {
  if (!sound) {
    return words.unsound(errors);
  }
  return checksums.length > 0 ? words.sound : words.noErrors;
}

function leadOf({ sound, checksums, image }: Report): string {
  if (!sound) {
    return words.unsoundLead;
  }
  return words.soundLead[checksums.length > 0 ? "checksums" : image ? "image" : "volume"];
}

/** What could not be judged; null if all was. */
function unjudgedOf({ checksums, image }: Report): string | null {
  return checksums.length > 0 ? null : words.unjudged[image ? "image" : "volume"];
}

function exportReport(context: Context, report: Report): void {
  downloadText(safeName(context.name, ".report.json"), "application/json", `${JSON.stringify(report, null, 2)}\n`);
}
