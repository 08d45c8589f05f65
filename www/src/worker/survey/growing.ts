type Numbers = Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

const ROOM_AT_FIRST = 1024;

export const float64 = (length: number) => new Float64Array(length);
export const uint32 = (length: number) => new Uint32Array(length);
export const uint8 = (length: number) => new Uint8Array(length);

/** A typed array that grows. */
export class Growing<T extends Numbers> {
  readonly #make: (length: number) => T;
  #numbers: T;
  #length = 0;

  constructor(make: (length: number) => T) {
    this.#make = make;
    this.#numbers = make(ROOM_AT_FIRST);
  }

  get length(): number {
    return this.#length;
  }

  push(number: number): void {
    if (this.#length === this.#numbers.length) {
      const larger = this.#make(2 * this.#length);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.#length] = number;
    this.#length += 1;
  }

  /** Replaces the last number. */
  replaceLast(number: number): void {
    this.#numbers[this.#length - 1] = number;
  }

  get last(): number | undefined {
    return this.#numbers[this.#length - 1];
  }

  /** The numbers, in an array of their length. Empties this. */
  take(): T {
    const all = this.#numbers.slice(0, this.#length) as T;
    this.#numbers = this.#make(0);
    return all;
  }
}
