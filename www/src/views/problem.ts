import { h, icon } from "../dom.js";
import type { Problem } from "../messages.js";
import { name } from "../names.js";
import { strings } from "../strings.js";

const words = strings.errors;

/** An error: what to make of it first, then what the library says. */
export function problemBox({ code, message }: Problem, onDismiss?: () => void): HTMLElement {
  const advice: Record<string, string> = words.advice;
  return h(
    "div",
    { class: "notice error", role: "alert" },
    icon("alert"),
    h(
      "div",
      { class: "notice-text" },
      h("strong", {}, words.title),
      h("p", {}, advice[code] ?? words.advice.other),
      h("p", { class: "muted" }, name(message)),
    ),
    onDismiss && h("button", { type: "button", class: "quiet icon-only", "aria-label": words.dismiss, click: onDismiss }, icon("close")),
  );
}
