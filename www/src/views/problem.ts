import { h, icon } from "../dom.js";
import type { Problem, Taken, Unreadable } from "../messages.js";
import { name } from "../names.js";
import { capitalised, count } from "../numbers.js";
import { pathText } from "../paths.js";
import { strings } from "../strings.js";

const words = strings.errors;

export interface ProblemOptions {
  /** What did not work; that something did not, if it is not said. */
  title?: string;
  onDismiss?: () => void;
  /** A button that does something about it. */
  remedy?: HTMLElement;
}

/** An error: what did not work, the message of the library, and the advice. */
export function problemBox({ code, message, unreadable }: Problem, { title = words.title, onDismiss, remedy }: ProblemOptions = {}): HTMLElement {
  const advice: Record<string, string> = words.advice;
  const box = h(
    "div",
    { class: "notice error", role: "alert" },
    icon("alert"),
    h(
      "div",
      { class: "notice-text" },
      h("strong", {}, name(title)),
      unreadable ? null : h("p", {}, name(sentence(message))),
      h("p", { class: unreadable ? "" : "muted" }, advice[code] ?? words.advice.other),
      unreadable && unreadableList(unreadable),
      remedy,
    ),
    onDismiss && h("button", { type: "button", class: "quiet icon-only", "aria-label": words.dismiss, title: words.dismiss, click: onDismiss }, icon("close")),
  );
  return box;
}

/** The box for a file that cannot be opened. */
export function notOpenedBox(file: string, problem: Problem, onDismiss: () => void): HTMLElement {
  return problemBox(problem, { title: words.notOpened(file), onDismiss });
}

/** Messages of the library go on after the name of the file: "x.img: it is …". */
function sentence(message: string): string {
  // What is no NTFS at all was probably never an image.
  const [text = ""] = message.split("; if it was one, ");
  return text === "" || /[.!?]$/.test(text) ? capitalised(text) : `${capitalised(text)}.`;
}

/** The page lists so many at most. */
const MOST_LISTED = 50;

/** Files whose content cannot be had, and why. */
export function unreadableList(unreadable: Unreadable[]): HTMLElement {
  const items = unreadable.slice(0, MOST_LISTED).map(({ path, message }) => [name(pathText(path)), h("span", { class: "muted" }, ": ", name(message))]);
  return pathList(words.unreadable, items, unreadable.length);
}

/** Files that have another name in an archive, and which. */
export function renamedList({ first, length }: Taken["renamed"]): HTMLElement {
  const items = first.map((renamed) => [name(pathText(renamed.path)), h("span", { class: "muted" }, " → ", name(renamed.name))]);
  return pathList(words.renamed, items, length);
}

function pathList(label: string, items: HTMLElement[][], length: number): HTMLElement {
  const left = length - items.length;
  const list = h("ul", {}, ...items.map((item) => h("li", {}, ...item)), left > 0 && h("li", { class: "muted" }, words.moreFiles(count(left))));
  return h("div", { class: "path-list", role: "group", tabindex: 0, "aria-label": label }, list);
}
