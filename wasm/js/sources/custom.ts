import { NtfscloneError } from "../error.js";
import type { RandomAccess } from "./source.js";

/** Anything that can be read at any place: a device, a cloud storage, an archive's member. */
export interface CustomSource {
  /** What reports and errors call it. */
  readonly name?: string;
  /** In bytes. */
  readonly size: number | bigint;
  /**
   * The bytes from `offset`, exactly `length` of them: at most 4 MiB, and never past the end. They may be used again
   * after the next call. `signal` tells that nobody waits for the answer any longer.
   */
  read(offset: number, length: number, signal: AbortSignal): Answer | Promise<Answer>;
}

type Answer = Uint8Array | ArrayBuffer;

export function fromCustom(source: CustomSource): RandomAccess {
  return {
    name: source.name ?? "source",
    size: Number(source.size),
    read(offset, length, signal) {
      const answer = source.read(offset, length, signal);
      return isPromiseLike(answer) ? Promise.resolve(answer).then(bytesOf) : bytesOf(answer);
    },
  };
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
