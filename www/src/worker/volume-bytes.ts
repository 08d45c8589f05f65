import type { Image, LookOptions } from "ntfsclone";
import { extentAt, type Extents } from "../extents.js";
import type { Bytes } from "../messages.js";

/** The clusters in an image. */
export interface Stored {
  clusterSize: number;
  extents: Extents;
}

/** Bytes of the volume. `absent` lists the parts that are not in the image. */
export async function volumeBytes(
  image: Image,
  stored: Stored | undefined,
  offset: number,
  length: number,
  options: LookOptions,
): Promise<Bytes> {
  const found = await image.read(offset, length, options);
  const bytes = new Uint8Array(length);
  bytes.set(found);
  return { bytes, absent: stored ? absentIn(stored, offset, length) : [] };
}

function absentIn({ clusterSize, extents }: Stored, offset: number, length: number): Bytes["absent"] {
  const absent: Bytes["absent"] = [];
  for (let at = 0; at < length; ) {
    const lcn = Math.floor((offset + at) / clusterSize);
    const end = Math.min(at + clusterSize - ((offset + at) % clusterSize), length);
    const first = extents.lcns[extentAt(extents, lcn)];
    if (first === undefined || first > lcn) {
      absent.push({ start: at, end });
    }
    at = end;
  }
  return absent;
}
