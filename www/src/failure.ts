import type { Problem } from "./messages.js";

/** An error from the worker, to be shown. */
export class Failure extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.message);
    this.name = "Failure";
    this.problem = problem;
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** The visitor cancelled it: here, in a picker, or in the browser's list of downloads. */
export function isCancelled(error: unknown): boolean {
  return isAbort(error) || problemOf(error).code === "aborted";
}

/** Anything thrown, as a problem to show. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Failure) {
    return error.problem;
  }
  return { code: "other", message: messageOf(error) };
}

/** What an error says; anything may be thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
