/** Consecutive clusters, in order: of each its first and how many it has, at the same index. */
export interface Extents {
  lcns: Float64Array;
  lengths: Float64Array;
}

/** The index of the first of `extents` that ends after `lcn`: the one that has it, or the next. */
export function extentAt({ lcns, lengths }: Extents, lcn: number): number {
  let [low, high] = [0, lcns.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (lcns[middle]! + lengths[middle]! <= lcn) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
