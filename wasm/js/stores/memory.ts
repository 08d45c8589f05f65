import { fromBytes } from "../sources/bytes.js";
import type { Kept, Store } from "./store.js";

/** What takes as much memory as anything else that is open. */
const MOST = 16 << 20;

/** Keeps little in memory, and more elsewhere. */
export class MemoryFirst implements Store {
  readonly #another: () => Promise<Store>;
  #pieces: { bytes: Uint8Array<ArrayBuffer>; position: number }[] = [];
  #length = 0;
  #elsewhere: Store | undefined;

  constructor(another: () => Promise<Store>) {
    this.#another = another;
  }

  get where(): string {
    return this.#elsewhere?.where ?? "memory";
  }

  async write(bytes: Uint8Array<ArrayBuffer>, position: number): Promise<void> {
    this.#pieces.push({ bytes, position });
    this.#length += bytes.length;
    if (this.#elsewhere || this.#length > MOST) {
      await this.#moveOut();
    }
  }

  async finish(size: number): Promise<Kept> {
    // Zeros would take room, too.
    if (size > MOST) {
      await this.#moveOut();
    }
    if (this.#elsewhere) {
      return this.#elsewhere.finish(size);
    }
    const all = new Uint8Array(size);
    for (const { bytes, position } of this.#pieces.splice(0)) {
      all.set(bytes, position);
    }
    return fromBytes(all);
  }

  async remove(): Promise<void> {
    this.#pieces = [];
    await this.#elsewhere?.remove();
  }

  async #moveOut(): Promise<void> {
    this.#elsewhere ??= await this.#another();
    for (const { bytes, position } of this.#pieces.splice(0)) {
      await this.#elsewhere.write(bytes, position);
    }
  }
}
