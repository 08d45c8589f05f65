import type { RandomAccess } from "./source.js";

/** What comes over a network in little more time than a byte. */
export const BLOCK_LENGTH = 1 << 20;

const MOST_BLOCKS = 16;

/** Of a source that takes long to answer, fetches whole blocks, and keeps those that were used last. `first` is the first one. */
export function inBlocks(source: RandomAccess, first: Uint8Array): RandomAccess {
  const blocks = new Map([[0, first]]);

  function kept(number: number): Uint8Array | undefined {
    const block = blocks.get(number);
    if (block) {
      blocks.delete(number);
      blocks.set(number, block);
    }
    return block;
  }

  function keep(number: number, block: Uint8Array): void {
    blocks.set(number, block);
    const [oldest] = blocks.keys();
    if (blocks.size > MOST_BLOCKS) {
      blocks.delete(oldest!);
    }
  }

  async function read(offset: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    const start = Math.floor(offset / BLOCK_LENGTH);
    const end = Math.ceil((offset + length) / BLOCK_LENGTH);
    const numbers = Array.from({ length: end - start }, (_, index) => start + index);
    const there = numbers.map(kept);
    if (there.some((block) => block === undefined)) {
      // What is read in large pieces is read once.
      if (length >= BLOCK_LENGTH) {
        return source.read(offset, length, signal);
      }
      const from = start * BLOCK_LENGTH;
      const fetched = await source.read(from, Math.min(end * BLOCK_LENGTH, source.size) - from, signal);
      numbers.forEach((number, index) => {
        there[index] = fetched.slice(index * BLOCK_LENGTH, (index + 1) * BLOCK_LENGTH);
        keep(number, there[index]);
      });
    }
    const bytes = new Uint8Array(length);
    numbers.forEach((number, index) => {
      const at = number * BLOCK_LENGTH - offset;
      const part = there[index]!.subarray(Math.max(0, -at), Math.max(0, length - at));
      bytes.set(part, Math.max(0, at));
    });
    return bytes;
  }

  return { ...source, read };
}
