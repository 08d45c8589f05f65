import type { Entry, ListFormat } from "../messages.js";
import { pathText } from "../paths.js";
import type { FileTable } from "./survey/file-table.js";

const COLUMNS = ["path", "kind", "size", "size_on_disk", "modified", "record", "streams", "is_incomplete"] as const;
type Exported = Record<(typeof COLUMNS)[number], string | number | boolean | null>;

const ROWS_AT_ONCE = 10_000;

/** A list of files for other programs: CSV (RFC 4180) with a head, or a JSON array. */
export function listExport(files: FileTable, indexes: Uint32Array, format: ListFormat): Blob {
  const parts: string[] = [];
  for (let from = 0; from < indexes.length; from += ROWS_AT_ONCE) {
    const rows = Array.from(indexes.subarray(from, from + ROWS_AT_ONCE), (index) => exported(files, index));
    const texts = format === "csv" ? rows.map(csvLine) : rows.map((row, place) => `${from + place > 0 ? ",\n" : ""}${JSON.stringify(row)}`);
    parts.push(texts.join(""));
  }
  return format === "csv" ? new Blob([`${COLUMNS.join(",")}\r\n`, ...parts], { type: "text/csv" }) : new Blob(["[", ...parts, "]\n"], { type: "application/json" });
}

function exported(files: FileTable, index: number): Exported {
  const entry = files.entry(index);
  return {
    // It begins with a slash: no spreadsheet takes it for a formula.
    path: pathText(files.pathAt(index)),
    kind: kindOf(entry),
    size: entry.isFolder ? null : entry.size,
    size_on_disk: entry.room,
    modified: entry.modified === null ? null : new Date(entry.modified).toISOString(),
    record: entry.record,
    streams: entry.streams,
    is_incomplete: entry.isIncomplete,
  };
}

function kindOf({ isLink, isFolder }: Entry): string {
  return isLink ? "link" : isFolder ? "folder" : "file";
}

function csvLine(row: Exported): string {
  const cells = COLUMNS.map((column) => {
    const text = String(row[column] ?? "");
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  });
  return `${cells.join(",")}\r\n`;
}
