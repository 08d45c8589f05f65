/**
 * Who may use the pages that the tasks of an image share. A task that waits for a read gives its turn to others. What
 * they read may push out pages that it needs together with those to come: a task that was not done after some reads
 * keeps the turn.
 */
export class Turns {
  #isTaken = false;
  readonly #waiting: (() => void)[] = [];

  /** Resolves when it is the caller's turn, which lasts until {@link end}. */
  async begin(): Promise<void> {
    if (this.#isTaken) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#isTaken = true;
  }

  end(): void {
    const next = this.#waiting.shift();
    if (next) {
      next();
    } else {
      this.#isTaken = false;
    }
  }
}
