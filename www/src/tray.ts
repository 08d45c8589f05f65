import { fill, h, icon } from "./dom.js";
import type { Job, Jobs } from "./jobs.js";
import { plainName } from "./names.js";
import { percent } from "./numbers.js";
import { strings } from "./strings.js";

const words = strings.tray;
const PANEL = "tray-panel";

/** What runs and what ended, seen from every section. */
export class Tray {
  readonly element: HTMLElement;
  readonly #jobs: Jobs;
  readonly #text = h("span");
  readonly #list = h("ul", { class: "tray-list" });
  /** Which jobs are listed, and what of them changes. */
  #rows = new Map<Job, Row>();

  constructor(jobs: Jobs) {
    this.#jobs = jobs;
    const panel = h("div", { id: PANEL, class: "tray-panel", popover: "auto", role: "group", "aria-label": words.title }, h("h2", {}, words.title), this.#list);
    const button = h("button", { type: "button", class: "quiet small tray-button", popovertarget: PANEL }, h("span", { class: "tray-dot" }), this.#text);
    this.element = h("div", { class: "tray", hidden: true }, button, panel);
    jobs.follow(() => this.#show());
  }

  #show(): void {
    const { all, running } = this.#jobs;
    this.element.hidden = all.length === 0;
    this.element.classList.toggle("is-running", running.length > 0);
    const [first] = running;
    const done = first?.progress ? percent(first.progress.done, first.progress.total) : null;
    this.#text.textContent = first ? words.running(running.length, running.length === 1 ? done : null) : words.ended(all.length);
    const isSame = all.length === this.#rows.size && all.every((job) => this.#rows.has(job));
    if (!isSame) {
      this.#rows = new Map(all.map((job) => [job, this.#rows.get(job) ?? new Row(job)]));
      fill(this.#list, ...[...this.#rows.values()].map(({ element }) => element));
    }
    this.#rows.forEach((row) => row.update());
  }
}

/** A job in the list. */
class Row {
  readonly element: HTMLElement;
  readonly #job: Job;
  readonly #bar: HTMLProgressElement;
  readonly #state = h("span", { class: "muted" });
  readonly #cancel: HTMLButtonElement;

  constructor(job: Job) {
    const label = plainName(job.label);
    this.#job = job;
    this.#bar = h("progress", { max: 1, "aria-label": label });
    this.#cancel = h("button", { type: "button", class: "small", click: () => job.cancel() }, strings.progress.cancel);
    this.element = h("li", {}, h("span", { class: "tray-label" }, label), this.#state, this.#cancel, this.#bar);
  }

  update(): void {
    const { state, progress } = this.#job;
    const isRunning = state === "running";
    this.#cancel.hidden = this.#bar.hidden = !isRunning;
    if (progress && progress.total > 0) {
      this.#bar.value = progress.done / progress.total;
    }
    const picture = { running: null, done: icon("check"), cancelled: null, failed: icon("alert") }[state];
    const text = isRunning ? (progress ? percent(progress.done, progress.total) : strings.progress.starting) : words.states[state];
    if (this.#state.textContent !== text) {
      fill(this.#state, picture, text);
    }
  }
}
