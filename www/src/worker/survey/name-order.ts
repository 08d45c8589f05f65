/** The order of names that people expect: numbers by their value, letters whatever their case. */
const collator = new Intl.Collator("en", { numeric: true });
/** Fewer are sorted by the collator itself. */
const LEAST_RANKED = 500;
const DIGITS = /\d+/g;

/** The order of all names of a volume. */
export class NameOrder {
  readonly #names: readonly (string | null)[];
  /** The place of each name among all of them, when that was needed. */
  #ranks: Uint32Array | undefined;

  constructor(names: readonly (string | null)[]) {
    this.#names = names;
  }

  /** Sorts indexes by the names that they are of, in place. Where there are no names, by the indexes. */
  sort(indexes: Uint32Array): void {
    if (indexes.length < LEAST_RANKED) {
      indexes.sort(this.compare);
      return;
    }
    const ranks = this.#rankAll();
    // Numbers are sorted many times faster than by a function.
    const packed = Float64Array.from(indexes, (index) => (ranks[index] ?? 0) * 2 ** 24 + (index % 2 ** 24));
    if (this.#names.length < 2 ** 24) {
      packed.sort();
      packed.forEach((number, place) => (indexes[place] = number % 2 ** 24));
    } else {
      indexes.sort((a, b) => ranks[a]! - ranks[b]!);
    }
  }

  readonly compare = (a: number, b: number): number => collator.compare(this.#names[a] ?? "", this.#names[b] ?? "") || a - b;

  #rankAll(): Uint32Array {
    if (this.#ranks) {
      return this.#ranks;
    }
    const names = this.#names;
    // Nearly in order, the collator has few to compare: it takes long for each.
    const keys = names.map((name) => (name ?? "").toLowerCase().replace(DIGITS, (digits) => digits.padStart(12, "0")));
    const order = names.map((_, index) => index).sort((a, b) => (keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : a - b));
    order.sort(this.compare);
    const ranks = new Uint32Array(names.length);
    order.forEach((index, rank) => (ranks[index] = rank));
    this.#ranks = ranks;
    return ranks;
  }
}
