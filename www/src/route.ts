import type { Whole } from "./messages.js";

export const VIEWS = ["overview", "files", "validate", "convert", "bytes"] as const;
export type ViewName = (typeof VIEWS)[number];

/** The place in the page, as it stands in the address after the `#`. */
export interface Route {
  view: ViewName;
  /** A byte of the file or volume: where the map or the bytes are. */
  at: number | null;
  of: Whole;
  /** The record of the folder that is looked into. */
  folder: number | null;
  /** The record of the file that is looked at. */
  file: number | null;
  /** What is open, if the page can open that by itself. */
  isSample: boolean;
}

export function parseRoute(hash: string): Route {
  const [view = "", query = ""] = hash.replace(/^#/, "").split("?");
  const parameters = new URLSearchParams(query);
  return {
    view: VIEWS.find((name) => name === view) ?? "overview",
    at: number(parameters, "at"),
    folder: number(parameters, "folder"),
    file: number(parameters, "file"),
    of: parameters.get("of") === "file" ? "file" : "volume",
    isSample: parameters.get("open") === "sample",
  };
}

/** The same place in another view, or nothing of it where that has no such places. */
export function within(view: ViewName, route: Route): Route {
  const hasBytes = view === "overview" || view === "bytes";
  const hasFiles = view === "files";
  return { ...route, view, at: hasBytes ? route.at : null, folder: hasFiles ? route.folder : null, file: hasFiles ? route.file : null };
}

function number(parameters: URLSearchParams, name: string): number | null {
  const value = Number(parameters.get(name) ?? NaN);
  return Number.isSafeInteger(value) && value >= 0 ? value : null;
}

export function formatRoute({ view, at, of, folder, file, isSample }: Route): string {
  const parameters = new URLSearchParams();
  if (isSample) {
    parameters.set("open", "sample");
  }
  if (at !== null) {
    if (of === "file") {
      parameters.set("of", of);
    }
    parameters.set("at", String(at));
  }
  if (folder !== null) {
    parameters.set("folder", String(folder));
  }
  if (file !== null) {
    parameters.set("file", String(file));
  }
  const query = parameters.toString();
  return `#${view}${query && `?${query}`}`;
}
