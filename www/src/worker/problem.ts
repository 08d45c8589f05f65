import { NtfscloneError } from "ntfsclone";
import { isAbort, messageOf } from "../failure.js";
import type { Problem, Unreadable } from "../messages.js";

/** The result could not be written, whatever was read. */
export class WriteError extends Error {}

/** Files could not be read, so that nothing was made of any. */
export class UnreadableError extends Error {
  readonly unreadable: Unreadable[];

  constructor(unreadable: Unreadable[]) {
    super(unreadable[0]?.message ?? "");
    this.unreadable = unreadable;
  }
}

/** What was thrown, as it can be sent. */
export function problemOf(error: unknown): Problem {
  if (error instanceof NtfscloneError) {
    const { code, message, partitions } = error;
    return { code, message, partitions };
  }
  if (error instanceof UnreadableError) {
    return { code: "unreadable", message: error.message, unreadable: error.unreadable };
  }
  if (error instanceof WriteError) {
    return { code: "write", message: error.message };
  }
  if (isAbort(error)) {
    return { code: "aborted", message: messageOf(error) };
  }
  return { code: "other", message: messageOf(error) };
}
