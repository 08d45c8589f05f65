import { extentAt } from "../extents.js";
import type { Bytes, Extents } from "../messages.js";
import type { Pieces } from "./pieces.js";

/** Before each cluster of an image one byte is a command. */
const COMMAND = 1;

/** The bytes of a volume, by where they are in what is open. */
export class VolumeBytes {
  readonly #source: Pieces;
  readonly #start: number;
  readonly #clusterSize: number;
  readonly #extents: Extents | undefined;

  /** `extents` are those of an image; a volume is where it is as a whole, from `start` on. */
  constructor(source: Pieces, start: number, clusterSize: number, extents: Extents | undefined) {
    this.#source = source;
    this.#start = start;
    this.#clusterSize = clusterSize;
    this.#extents = extents;
  }

  read(offset: number, length: number): Bytes {
    if (!this.#extents) {
      return { bytes: this.#source.read(this.#start + offset, length), absent: [] };
    }
    const bytes = new Uint8Array(length);
    const absent: Bytes["absent"] = [];
    for (let at = 0; at < length; ) {
      const lcn = Math.floor((offset + at) / this.#clusterSize);
      const within = (offset + at) % this.#clusterSize;
      const end = Math.min(at + this.#clusterSize - within, length);
      const position = this.#positionOf(lcn, this.#extents);
      if (position === undefined) {
        absent.push({ start: at, end });
      } else {
        bytes.set(this.#source.read(this.#start + position + within, end - at), at);
      }
      at = end;
    }
    return { bytes, absent };
  }

  #positionOf(lcn: number, extents: Extents): number | undefined {
    const index = extentAt(extents, lcn);
    const first = extents.lcns[index];
    if (first === undefined || first > lcn) {
      return undefined;
    }
    return extents.offsets[index]! + (lcn - first) * (this.#clusterSize + COMMAND) + COMMAND;
  }
}
