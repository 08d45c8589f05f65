import { h, icon } from "../dom.js";
import type { Problem, Unreadable } from "../messages.js";
import { name } from "../names.js";
import { count } from "../numbers.js";
import { pathText } from "../paths.js";
import { strings } from "../strings.js";

const words = strings.errors;

/** An error: what to make of it first, then what the library says. */
export function problemBox({ code, message, unreadable }: Problem, onDismiss?: () => void, remedy?: HTMLElement): HTMLElement {
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
      unreadable ? unreadableList(unreadable) : h("p", { class: "muted" }, name(message)),
      remedy,
    ),
    onDismiss && h("button", { type: "button", class: "quiet icon-only", "aria-label": words.dismiss, click: onDismiss }, icon("close")),
  );
}

/** As many as one looks at. */
const MOST_LISTED = 50;

/** Files whose content cannot be had, and why. */
export function unreadableList(unreadable: Unreadable[]): HTMLElement {
  const items = unreadable.slice(0, MOST_LISTED).map(({ path, message }) => h("li", {}, name(pathText(path)), h("span", { class: "muted" }, ": ", name(message))));
  const left = unreadable.length - items.length;
  const list = h("ul", {}, ...items, left > 0 && h("li", { class: "muted" }, words.moreUnreadable(count(left))));
  return h("div", { class: "unreadable", role: "group", tabindex: 0, "aria-label": words.unreadable }, list);
}
