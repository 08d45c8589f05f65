import { h } from "../dom.js";
import type { Job } from "../jobs.js";
import { plainName } from "../names.js";
import { strings } from "../strings.js";

const words = strings.ask;

/** Asks whether what runs may be cancelled, before something else takes its place; `next` names that. */
export function askWhileRunning(jobs: readonly Job[], next: string, answer: (isYes: boolean) => void): HTMLElement {
  return h(
    "div",
    { class: "view narrow" },
    h(
      "section",
      { class: "card" },
      h("h1", {}, words.title),
      h("p", { class: "lead" }, words.lead),
      h("ul", { class: "running" }, ...jobs.map(({ label }) => h("li", {}, plainName(label)))),
      h(
        "div",
        { class: "ask-buttons" },
        h("button", { type: "button", class: "primary", autofocus: true, click: () => answer(false) }, words.stay),
        h("button", { type: "button", click: () => answer(true) }, next),
      ),
    ),
  );
}
