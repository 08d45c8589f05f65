import type { Info } from "ntfsclone";
import type { Jobs } from "./jobs.js";
import type { Route } from "./route.js";
import type { Session } from "./session.js";
import type { SidecarFiles } from "./sidecar-files.js";
import type { Survey } from "./survey.js";

/** What is open, and what its views share. */
export interface Context {
  session: Session;
  name: string;
  /** In bytes, of the file or of all its pieces. */
  size: number;
  info: Info;
  /** Lists the partitions of the disk, of which one was opened unasked; null if none was. */
  listPartitions: (() => void) | null;
  /** Aborted when it is closed. */
  closed: AbortSignal;
  survey: Survey;
  jobs: Jobs;
  /** Files with checksums of it. */
  sidecars: SidecarFiles;
  /** Goes to another place, and puts it in the address. */
  go(to: Partial<Route>): void;
  /** Puts the position of the view in the address, without going anywhere. */
  note(at: Partial<Pick<Route, "at" | "of" | "search">>): void;
  /** Announces a text to screen readers. */
  announce(text: string): void;
}

export interface View {
  element: HTMLElement;
  /** Called when the view is shown, with its place. */
  show?(route: Route): void;
}
