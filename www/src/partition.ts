import type { Info } from "ntfsclone";

/** The number of the partition that is open; null if it is not one. */
export function partitionOf({ layers }: Info): number | null {
  const number = layers.map((layer) => /^partition (\d+)$/.exec(layer)?.[1]).find((number) => number !== undefined);
  return number === undefined ? null : Number(number);
}
