import { NtfscloneError } from "ntfsclone";
import type { Problem } from "../messages.js";

/** The result could not be written, whatever was read. */
export class WriteError extends Error {}

/** What was thrown, as it can be sent. */
export function problemOf(error: unknown): Problem {
  if (error instanceof NtfscloneError) {
    const { code, message, partitions } = error;
    return { code, message, partitions };
  }
  if (error instanceof WriteError) {
    return { code: "write", message: error.message };
  }
  if (error instanceof DOMException && error.name === "AbortError") {
    return { code: "aborted", message: error.message };
  }
  return { code: "other", message: error instanceof Error ? error.message : String(error) };
}
