import { Compressed } from "./ntfsclone.js";
import type { ConvertDiskOptions } from "./options.js";

const DEFAULT_LEVEL = 3;

/** How a result is compressed, as the module takes it; undefined if it is not. */
export function compressedBy({ compress, time, note, source }: ConvertDiskOptions): Compressed | undefined {
  if (compress === undefined || compress === false) {
    return undefined;
  }
  const level = compress === true ? DEFAULT_LEVEL : compress;
  const told = time === null ? undefined : (time ?? new Date()).toISOString();
  return new Compressed(level, told, note, source === null ? "" : source);
}
