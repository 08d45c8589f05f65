import type { Progress } from "ntfsclone";
import { isAbort, problemOf } from "./failure.js";
import type { Found, Problem } from "./messages.js";
import type { Session } from "./session.js";

export type SurveyState =
  | { kind: "none" }
  | { kind: "reading"; progress: Progress | null }
  | { kind: "done"; found: Found }
  | { kind: "stopped" }
  | { kind: "failed"; problem: Problem };

/** The scan of all files of what is open: done once, for all views that need it. */
export class Survey {
  readonly #session: Session;
  readonly #closed: AbortSignal;
  readonly #followers: ((state: SurveyState) => void)[] = [];
  #state: SurveyState = { kind: "none" };
  #stop = new AbortController();

  constructor(session: Session, closed: AbortSignal) {
    this.#session = session;
    this.#closed = closed;
  }

  get state(): SurveyState {
    return this.#state;
  }

  /** Calls `follower` with the state, now and whenever it changes. */
  follow(follower: (state: SurveyState) => void): void {
    this.#followers.push(follower);
    follower(this.#state);
  }

  /** Starts the scan, unless it is done or running. */
  start(): void {
    if (this.#state.kind !== "reading" && this.#state.kind !== "done") {
      void this.#read();
    }
  }

  /** Starts the scan if need be; true when it is done, false if it is stopped or fails. */
  whenDone(): Promise<boolean> {
    this.start();
    return new Promise((resolve) => {
      this.follow(({ kind }) => {
        if (kind !== "reading" && kind !== "none") {
          resolve(kind === "done");
        }
      });
    });
  }

  stop(): void {
    this.#stop.abort();
  }

  async #read(): Promise<void> {
    this.#stop = new AbortController();
    this.#tell({ kind: "reading", progress: null });
    try {
      const found = await this.#session.ask("survey", null, {
        signal: AbortSignal.any([this.#closed, this.#stop.signal]),
        onProgress: (progress) => this.#tell({ kind: "reading", progress }),
      });
      this.#tell({ kind: "done", found });
    } catch (error) {
      this.#tell(isAbort(error) ? { kind: "stopped" } : { kind: "failed", problem: problemOf(error) });
    }
  }

  #tell(state: SurveyState): void {
    if (!this.#closed.aborted) {
      this.#state = state;
      this.#followers.forEach((follower) => follower(state));
    }
  }
}
