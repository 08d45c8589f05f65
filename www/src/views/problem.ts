import { h, icon } from "../dom.js";
import type { Problem, Unreadable, Zipped } from "../messages.js";
import { name } from "../names.js";
import { count } from "../numbers.js";
import { pathText } from "../paths.js";
import { strings } from "../strings.js";

const words = strings.errors;

/** An error: first the advice, then the message of the library. */
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

/** The page lists so many at most. */
const MOST_LISTED = 50;

/** Files whose content cannot be had, and why. */
export function unreadableList(unreadable: Unreadable[]): HTMLElement {
  const items = unreadable.slice(0, MOST_LISTED).map(({ path, message }) => [name(pathText(path)), h("span", { class: "muted" }, ": ", name(message))]);
  return pathList(words.unreadable, items, unreadable.length);
}

/** Files that have another name in an archive, and which. */
export function renamedList({ first, length }: Zipped["renamed"]): HTMLElement {
  const items = first.map((renamed) => [name(pathText(renamed.path)), h("span", { class: "muted" }, " → ", name(renamed.name))]);
  return pathList(words.renamed, items, length);
}

function pathList(label: string, items: HTMLElement[][], length: number): HTMLElement {
  const left = length - items.length;
  const list = h("ul", {}, ...items.map((item) => h("li", {}, ...item)), left > 0 && h("li", { class: "muted" }, words.moreFiles(count(left))));
  return h("div", { class: "path-list", role: "group", tabindex: 0, "aria-label": label }, list);
}
