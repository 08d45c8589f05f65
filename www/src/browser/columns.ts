import { h, icon, type Child } from "../dom.js";
import type { Entry, Row, Sort } from "../messages.js";
import { name, plainName } from "../names.js";
import { count, date, size } from "../numbers.js";
import { pathText, textOf } from "../paths.js";
import { strings } from "../strings.js";
import { kindOfFile } from "./file-kinds.js";

const words = strings.files;

/** What a visitor does with a row. */
export interface RowActions {
  open(row: Row): void;
  save(row: Row): void;
}

export interface Column {
  /** Its cells have the class `column-` and this: small screens hide some. */
  id: string;
  title: string;
  /** How its header sorts the rows, and whether in descending order at first. */
  sort?: Sort;
  cell(row: Row, actions: RowActions): Child;
}

export const COLUMNS: readonly Column[] = [
  { id: "name", title: words.name, sort: { by: "name", isDescending: false }, cell: nameCell },
  { id: "size", title: words.content, sort: { by: "size", isDescending: true }, cell: (row) => size(row.isFolder ? row.room : row.size) },
  { id: "room", title: words.room, sort: { by: "room", isDescending: true }, cell: ({ room }) => size(room) },
  { id: "modified", title: words.modified, sort: { by: "modified", isDescending: true }, cell: ({ modified }) => (modified === null ? "" : date(modified)) },
  { id: "kind", title: words.kind, cell: (row) => (row.isFolder ? words.items(row.inside) : kindOfFile(row)) },
  { id: "save", title: "", cell: saveCell },
];

function nameCell(row: Row, { open }: RowActions): HTMLElement {
  return h(
    "span",
    { class: "entry-name" },
    h("span", { class: `entry-icon ${row.holder}` }, icon(row.isFolder ? "folder" : "file")),
    h(
      "span",
      { class: "entry-text" },
      h("button", { type: "button", class: "entry-link", tabindex: -1, title: plainName(textOf(row)), click: () => open(row) }, name(textOf(row))),
      row.path && h("span", { class: "entry-path muted" }, name(pathText(row.path.slice(0, -1)))),
    ),
    ...tags(row),
  );
}

function saveCell(row: Row, { save }: RowActions): Child {
  const text = plainName(textOf(row));
  const label = row.isFolder ? words.zipOf(text) : words.save(text);
  const click = () => save(row);
  return !row.isLink && h("button", { type: "button", class: "quiet small icon-only", tabindex: -1, "aria-label": label, title: label, click }, icon("download"));
}

/** Marks beside the name of a file. */
export function tags(entry: Entry): HTMLElement[] {
  const tag = (text: string, isWarning = false, title: string | null = null) => h("span", { class: isWarning ? "chip warning" : "chip", title }, text);
  return [
    ...(entry.isLink ? [tag(words.link)] : []),
    ...(entry.isIncomplete ? [tag(words.incomplete, true, words.incompleteTitle)] : []),
    ...(entry.incompleteInside > 0 ? [tag(words.incompleteInside(count(entry.incompleteInside)), true, words.incompleteInsideTitle)] : []),
    ...(entry.streams > 0 ? [tag(words.streams(entry.streams))] : []),
  ];
}
