import type { Progress } from "ntfsclone";
import { isCancelled } from "./failure.js";

export type JobState = "running" | "done" | "cancelled" | "failed";

/** Something that runs in what is open, and is lost if that is closed; or did. */
export interface Job {
  label: string;
  state: JobState;
  progress: Progress | null;
  cancel(): void;
}

/** Of those that ended, so many are kept. */
const MOST_ENDED = 20;

/** What runs in what is open, and what ended. */
export class Jobs {
  #all: Job[] = [];
  readonly #followers = new Set<() => void>();

  /** The last first. */
  get all(): readonly Job[] {
    return this.#all;
  }

  get running(): readonly Job[] {
    return this.#all.filter(({ state }) => state === "running");
  }

  /** Calls `follower` whenever something changed. */
  follow(follower: () => void): void {
    this.#followers.add(follower);
  }

  /** Runs something that can be cancelled, and lists it. */
  async run<T>(label: string, cancel: () => void, work: (onProgress: (progress: Progress) => void) => Promise<T>): Promise<T> {
    const job: Job = { label, state: "running", progress: null, cancel };
    this.#all = [job, ...this.#all];
    this.#tell();
    try {
      const result = await work((progress) => {
        job.progress = progress;
        this.#tell();
      });
      job.state = "done";
      return result;
    } catch (error) {
      job.state = isCancelled(error) ? "cancelled" : "failed";
      throw error;
    } finally {
      this.#forget();
      this.#tell();
    }
  }

  /** Forgets the oldest of those that ended. */
  #forget(): void {
    const ended = this.#all.filter(({ state }) => state !== "running");
    const kept = new Set(ended.slice(0, MOST_ENDED));
    this.#all = this.#all.filter((job) => job.state === "running" || kept.has(job));
  }

  #tell(): void {
    this.#followers.forEach((follower) => follower());
  }
}
