import type { Progress } from "ntfsclone";

/** Something that runs in what is open, and is lost if that is closed. */
export interface Job {
  label: string;
  progress: Progress | null;
  cancel(): void;
}

/** What runs in what is open. */
export class Jobs {
  readonly #running = new Set<Job>();
  readonly #followers = new Set<() => void>();

  get running(): readonly Job[] {
    return [...this.#running];
  }

  /** Calls `follower` whenever something changed. */
  follow(follower: () => void): void {
    this.#followers.add(follower);
  }

  /** Runs something that can be cancelled, and lists it until it ends. */
  async run<T>(label: string, cancel: () => void, work: (onProgress: (progress: Progress) => void) => Promise<T>): Promise<T> {
    const job: Job = { label, progress: null, cancel };
    this.#running.add(job);
    this.#tell();
    try {
      return await work((progress) => {
        job.progress = progress;
        this.#tell();
      });
    } finally {
      this.#running.delete(job);
      this.#tell();
    }
  }

  #tell(): void {
    this.#followers.forEach((follower) => follower());
  }
}
