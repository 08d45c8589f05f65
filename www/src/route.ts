import { SORTS, type Sort, type Whole } from "./messages.js";

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
  /** The order of the list of files. */
  sort: Sort;
  /** The text that is searched for. */
  search: string;
  /** Files are shown as boxes. */
  isMap: boolean;
  /** What is open, if the page can open that by itself. */
  isSample: boolean;
}

const DEFAULT_SORT: Sort = { by: "name", isDescending: false };

export function parseRoute(hash: string): Route {
  const [view = "", query = ""] = hash.replace(/^#/, "").split("?");
  const parameters = new URLSearchParams(query);
  return {
    view: VIEWS.find((name) => name === view) ?? "overview",
    at: number(parameters, "at"),
    folder: number(parameters, "folder"),
    file: number(parameters, "file"),
    sort: parseSort(parameters.get("sort")),
    search: parameters.get("search") ?? "",
    isMap: parameters.get("show") === "map",
    of: parameters.get("of") === "file" ? "file" : "volume",
    isSample: parameters.get("open") === "sample",
  };
}

/** The same place in another view, or nothing of it where that has no such places. */
export function within(view: ViewName, route: Route): Route {
  const hasBytes = view === "overview" || view === "bytes";
  const hasFiles = view === "files";
  const files = hasFiles ? {} : { folder: null, file: null, search: "" };
  return { ...route, view, at: hasBytes ? route.at : null, ...files };
}

/** As `name`, or with a minus before it. */
function parseSort(text: string | null): Sort {
  const isDescending = text?.startsWith("-") ?? false;
  const by = SORTS.find((by) => by === text?.replace(/^-/, ""));
  return by ? { by, isDescending } : DEFAULT_SORT;
}

function number(parameters: URLSearchParams, name: string): number | null {
  const value = Number(parameters.get(name) ?? NaN);
  return Number.isSafeInteger(value) && value >= 0 ? value : null;
}

export function formatRoute({ view, at, of, folder, file, sort, search, isMap, isSample }: Route): string {
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
  if (sort.by !== DEFAULT_SORT.by || sort.isDescending !== DEFAULT_SORT.isDescending) {
    parameters.set("sort", `${sort.isDescending ? "-" : ""}${sort.by}`);
  }
  if (search !== "") {
    parameters.set("search", search);
  }
  if (isMap) {
    parameters.set("show", "map");
  }
  const query = parameters.toString();
  return `#${view}${query && `?${query}`}`;
}
