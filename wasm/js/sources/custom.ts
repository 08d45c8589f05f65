import { NtfscloneError } from "../error.js";
import type { RandomAccess } from "./source.js";

/** Anything that can be read at any place: a device, a cloud storage, an archive's member. */
export interface CustomSource {
  /** What reports and errors call it. */
  readonly name?: string;
  /** In bytes. */
  readonly size: number | bigint;
  /**
   * The bytes from `offset`, `length` of them: at most 4 MiB, and never past the end. If fewer come, the rest is asked
   * for; none is an error. Calls may overlap: what a promise brings must not be written to any longer. `signal` tells
   * that nobody waits for the answer any longer.
   */
  read(offset: number, length: number, signal: AbortSignal): Answer | Promise<Answer>;
}

type Answer = Uint8Array | ArrayBuffer;

export function fromCustom(source: CustomSource): RandomAccess {
  return {
    name: nameOf(source),
    size: Number(source.size),
    read(offset, length, signal) {
      const answer = source.read(offset, length, signal);
      if (isPromiseLike(answer)) {
        return Promise.resolve(answer).then((bytes) => whole(source, bytesOf(bytes), offset, length, signal));
      }
      const bytes = bytesOf(answer);
      return isShort(bytes, length) ? whole(source, bytes, offset, length, signal) : bytes;
    },
  };
}

function isShort(bytes: Uint8Array, length: number): boolean {
  return bytes.length > 0 && bytes.length < length;
}

/** Reads on until all is there, or nothing comes. */
async function whole(
  source: CustomSource,
  first: Uint8Array,
  offset: number,
  length: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (!isShort(first, length)) {
    return first;
  }
  const all = new Uint8Array(length);
  all.set(first);
  let filled = first.length;
  while (filled < length) {
    const bytes = bytesOf(await source.read(offset + filled, length - filled, signal));
    if (bytes.length === 0 || bytes.length > length - filled) {
      const { length: found } = bytes;
      throw new NtfscloneError("read", `read() of ${nameOf(source)} gave ${found} bytes at byte ${offset + filled}, of ${length - filled}`);
    }
    all.set(bytes, filled);
    filled += bytes.length;
  }
  return all;
}

function nameOf({ name = "source" }: CustomSource): string {
  return name;
}

function isPromiseLike(answer: Answer | PromiseLike<Answer>): answer is PromiseLike<Answer> {
  return typeof (answer as PromiseLike<Answer>)?.then === "function";
}

function bytesOf(answer: Answer): Uint8Array {
  if (answer instanceof Uint8Array) {
    // A view of our own: `length` of the answer may say anything.
    return new Uint8Array(answer.buffer, answer.byteOffset, answer.byteLength);
  }
  if (answer instanceof ArrayBuffer) {
    return new Uint8Array(answer);
  }
  throw new NtfscloneError("argument", "read() of the source gave something else than a Uint8Array");
}
