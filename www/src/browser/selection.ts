import type { Row } from "../messages.js";

/** Which rows of a list are chosen, by their IDs. */
export class Selection {
  readonly #chosen = new Map<number, number | null>();
  readonly #onChange: () => void;
  /** Where a range begins. */
  #anchor = 0;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get length(): number {
    return this.#chosen.size;
  }

  get ids(): Uint32Array<ArrayBuffer> {
    return Uint32Array.from(this.#chosen.keys());
  }

  /** Bytes that they take on the disk; null if that of some is not known. */
  get room(): number | null {
    let sum = 0;
    for (const room of this.#chosen.values()) {
      if (room === null) {
        return null;
      }
      sum += room;
    }
    return sum;
  }

  get anchor(): number {
    return this.#anchor;
  }

  has({ id }: Row): boolean {
    return this.#chosen.has(id);
  }

  toggle(row: Row, index: number): void {
    this.#anchor = index;
    if (!this.#chosen.delete(row.id)) {
      this.#chosen.set(row.id, row.room);
    }
    this.#onChange();
  }

  add(rows: readonly Row[]): void {
    rows.forEach(({ id, room }) => this.#chosen.set(id, room));
    this.#onChange();
  }

  setAll(ids: Uint32Array): void {
    this.#chosen.clear();
    ids.forEach((id) => this.#chosen.set(id, null));
    this.#onChange();
  }

  clear(): void {
    this.#anchor = 0;
    if (this.#chosen.size > 0) {
      this.#chosen.clear();
      this.#onChange();
    }
  }
}
