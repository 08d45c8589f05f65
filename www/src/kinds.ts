import type { Holder } from "ntfsclone";

/** The record of the root directory. */
export const ROOT = 5;

/** What has clusters, in the order of the numbers that the worker keeps for them. */
export const HOLDERS = ["mft", "system", "directory", "file", "bad"] as const satisfies readonly Holder[];

/** What clusters are, in the order in which counts of them stand. What is none of it is free. */
export const KINDS = [
  "mft",
  "system",
  "directory",
  "file",
  /** In use, and not known whose. */
  "used",
  "bad",
  /** A file has them, but the image does not. */
  "missing",
] as const;

export type Kind = (typeof KINDS)[number];

/** Some clusters as squares of the same number each. */
export interface Squares {
  /** The first cluster. */
  first: number;
  perSquare: number;
  /** How many. */
  length: number;
}

/** What is in them: of each square, a number of clusters for each of {@link KINDS}. */
export interface Counted extends Squares {
  counts: Float64Array<ArrayBuffer>;
}
