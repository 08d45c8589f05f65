/**
 * Who may use the pages that the tasks of an image share. A task that needs several pages at once reads them one after
 * the other; were others to read in between, they could push out what is there already, for ever.
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
