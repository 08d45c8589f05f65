import type { Info } from "ntfsclone";
import type { Whole } from "../messages.js";
import { size } from "../numbers.js";
import { strings } from "../strings.js";

const words = strings.bytes;

/** Something known to be at these bytes. */
export interface Known {
  of: Whole;
  offset: number;
  length: number;
  title: string;
}

/** What the library tells of where things are. */
export function knownPlaces({ volume, image }: Info): Known[] {
  if (!volume) {
    return [];
  }
  const { sector_size, cluster_size, mft_lcn, mft_record_size, size: bytes, usage } = volume;
  const of = "volume";
  return [
    { of, offset: 0, length: sector_size, title: words.boot },
    { of, offset: mft_lcn * cluster_size, length: mft_record_size, title: words.mft },
    // The last sector, after what counts as the volume. Where an image has it, the package does not tell.
    ...(image ? [] : [{ of, offset: bytes, length: sector_size, title: words.backupBoot } as const]),
    ...(usage?.largest_free ?? []).slice(0, 3).map(({ lcn, clusters }): Known => {
      const length = clusters * cluster_size;
      return { of, offset: lcn * cluster_size, length, title: words.free(size(length)) };
    }),
  ];
}

/** Reads `4096`, `0x1000` or `lcn 12`; nothing if it is none of them, or not there. */
export function parsePlace(text: string, clusterSize: number, end: number): number | undefined {
  const match = /^\s*(lcn\s*|cluster\s*)?(0x[0-9a-f]+|[\d,_ ]+)\s*$/i.exec(text);
  if (!match) {
    return undefined;
  }
  const value = Number(match[2]!.replace(/[,_ ]/g, ""));
  const offset = match[1] ? value * clusterSize : value;
  return Number.isSafeInteger(offset) && offset < end ? offset : undefined;
}
