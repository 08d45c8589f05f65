import type { Whole } from "./messages.js";

export const VIEWS = ["overview", "validate", "convert", "bytes"] as const;
export type ViewName = (typeof VIEWS)[number];

/** Where the page is, as its address tells it after the `#`. */
export interface Route {
  view: ViewName;
  /** A byte of the file or volume: where the map or the bytes are. */
  at: number | null;
  of: Whole;
  /** What is open, if the page can open that by itself. */
  isSample: boolean;
}

export function parseRoute(hash: string): Route {
  const [view = "", query = ""] = hash.replace(/^#/, "").split("?");
  const parameters = new URLSearchParams(query);
  const at = Number(parameters.get("at") ?? NaN);
  return {
    view: VIEWS.find((name) => name === view) ?? "overview",
    at: Number.isSafeInteger(at) && at >= 0 ? at : null,
    of: parameters.get("of") === "file" ? "file" : "volume",
    isSample: parameters.get("open") === "sample",
  };
}

export function formatRoute({ view, at, of, isSample }: Route): string {
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
  const query = parameters.toString();
  return `#${view}${query && `?${query}`}`;
}
