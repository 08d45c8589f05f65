import type { Holder } from "ntfsclone";
import { extentAt, type Extents } from "../../extents.js";
import { KINDS, type Counted, type Kind, type Squares } from "../../kinds.js";
import type { HeldRuns } from "./runs.js";

const place = (kind: Kind) => KINDS.indexOf(kind);
const [USED, BAD, MISSING] = [place("used"), place("bad"), place("missing")];
const KIND_OF: Record<Holder, number> = {
  mft: place("mft"),
  system: place("system"),
  directory: place("directory"),
  file: place("file"),
  bad: BAD,
};

/**
 * Counts the clusters of each kind in some squares of a volume. `stored`: the clusters in use, or those in the image.
 * Visits only the runs in these squares, each once.
 */
export function countSquares(squares: Squares, clusters: number, stored: Extents, held: HeldRuns, isImage: boolean): Counted {
  const { first, perSquare, length } = squares;
  const counts = new Float64Array(length * KINDS.length);
  const end = Math.min(first + length * perSquare, clusters);
  let [storedAt, heldAt] = [extentAt(stored, first), extentAt(held, first)];
  for (let at = first; at < end; ) {
    const square = Math.floor((at - first) / perSquare);
    const storedNext = stored.lcns[storedAt] ?? Infinity;
    const heldNext = held.lcns[heldAt] ?? Infinity;
    const isStored = storedNext <= at;
    const isHeld = heldNext <= at;
    const storedChange = isStored ? storedNext + stored.lengths[storedAt]! : storedNext;
    const heldChange = isHeld ? heldNext + held.lengths[heldAt]! : heldNext;
    const to = Math.min(storedChange, heldChange, first + (square + 1) * perSquare, end);
    const kind = isHeld ? kindOf(KIND_OF[held.holder(heldAt)], isStored, isImage) : isStored ? USED : undefined;
    if (kind !== undefined) {
      const index = square * KINDS.length + kind;
      counts[index] = counts[index]! + to - at;
    }
    at = to;
    storedAt += Number(isStored && to === storedChange);
    heldAt += Number(isHeld && to === heldChange);
  }
  return { ...squares, counts };
}

/** Bad clusters are in no image, and need not be. */
function kindOf(kind: number, isStored: boolean, isImage: boolean): number {
  return isStored || !isImage || kind === BAD ? kind : MISSING;
}
