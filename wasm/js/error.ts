/**
 * What kind of error it is. Those of the library in Rust come first; `closed` and those after it are of the
 * JavaScript around it.
 */
export type ErrorCode =
  | "corrupt"
  | "unsupported"
  | "limit"
  | "compressed"
  | "memory"
  | "io"
  | "refused"
  /** The image was closed, or closed while something was under way. */
  | "closed"
  /** The source could not be read; `cause` is what it threw. */
  | "source"
  /** The server does not send parts of the file. */
  | "no-ranges"
  /** The file changed while it was read. */
  | "changed"
  /** The argument is nothing that can be read. */
  | "argument"
  /** The WebAssembly module could not be loaded; `cause` says why. */
  | "load"
  /** A defect in the library: all open images are lost, and the next `open` begins anew. */
  | "crashed";

/** What every function of this package throws or rejects with, but for the reason of an `AbortSignal`. */
export class NtfscloneError extends Error {
  /** What kind of error it is: for programs. */
  readonly code: ErrorCode;
  /** Where in the source, in bytes from its start, if it is at one place. */
  readonly offset: number | undefined;

  constructor(code: ErrorCode, message: string, more: { offset?: number | undefined; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.offset = more.offset;
  }

  static {
    this.prototype.name = "NtfscloneError";
  }
}
