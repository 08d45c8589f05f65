import { NtfscloneError } from "ntfsclone";
import { isAbort, messageOf } from "../failure.js";
import type { Problem, Unreadable } from "../messages.js";

/** The output failed, not the input. */
export class WriteError extends Error {}

/** Files of an archive could not be read, so there is no archive. */
export class UnreadableError extends Error {
  readonly unreadable: Unreadable[];

  constructor(unreadable: Unreadable[]) {
    super(unreadable[0]?.message ?? "");
    this.unreadable = unreadable;
  }
}

/** An error in a form that can be sent to the page. */
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
