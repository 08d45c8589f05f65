import type { Info } from "ntfsclone";
import type { Route } from "./route.js";
import type { Session } from "./session.js";
import type { Survey } from "./survey.js";

/** What is open, for the views of it. */
export interface Context {
  session: Session;
  name: string;
  /** In bytes, of the file or of all its pieces. */
  size: number;
  info: Info;
  /** Stops all that is under way when it is closed. */
  closed: AbortSignal;
  survey: Survey;
  /** Goes to another place, which the address then tells. */
  go(to: Partial<Route>): void;
  /** Tells where the view is, without going anywhere. */
  note(at: Pick<Route, "at" | "of">): void;
  /** Says it to those who listen instead of look. */
  announce(text: string): void;
}

export interface View {
  element: HTMLElement;
  /** It is seen now, at that place. */
  show?(route: Route): void;
}
