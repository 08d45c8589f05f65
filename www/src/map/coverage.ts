import { extentAt } from "../extents.js";
import type { Extents } from "../messages.js";

/** What is in some consecutive clusters: shares of them, 0 to 1. */
export interface Share {
  used: number;
  /** In use, by the volume's account, but not in the image. */
  missing: number;
  /** Whether it is known of each cluster, and not only of the part around them. */
  isExact: boolean;
}

/** Which clusters are used, as far as is known by now. */
export class Coverage {
  readonly clusters: number;
  readonly #isImage: boolean;
  /** The volume in equal parts: how many per mille of each its `$Bitmap` marks, rounded up. */
  readonly #parts: number[];
  #extents: Extents | undefined;
  /** Clusters in use before the extent at the same index. */
  #before = new Float64Array();
  /** Of each part, which share of the clusters that the image does not have are in use. */
  #missing: number[] = [];

  constructor(clusters: number, parts: number[], isImage: boolean) {
    this.clusters = clusters;
    this.#parts = parts;
    this.#isImage = isImage;
  }

  get isExact(): boolean {
    return this.#extents !== undefined;
  }

  /** Whether there is anything to show. */
  get isKnown(): boolean {
    return this.isExact || this.#parts.length > 0;
  }

  /** Whether anything of the volume's account is not in the image. */
  get hasMissing(): boolean {
    return this.#missing.some((share) => share > 0);
  }

  refine(extents: Extents): void {
    this.#extents = extents;
    this.#before = new Float64Array(extents.lengths.length);
    let sum = 0;
    extents.lengths.forEach((length, index) => {
      this.#before[index] = sum;
      sum += length;
    });
    this.#missing = this.#isImage ? this.#parts.map((perMille, part) => this.#missingOf(perMille, part)) : [];
  }

  /** Of the clusters from `start` to before `end`. */
  share(start: number, end: number): Share {
    end = Math.min(end, this.clusters);
    const all = end - start;
    if (all <= 0) {
      return { used: 0, missing: 0, isExact: true };
    }
    if (!this.#extents) {
      const used = this.#overParts(start, end, (part, clusters) => (clusters * (this.#parts[part] ?? 0)) / 1000);
      return { used: used / all, missing: 0, isExact: false };
    }
    const used = this.#usedBefore(end) - this.#usedBefore(start);
    let isExact = true;
    const missing =
      this.#missing.length === 0
        ? 0
        : this.#overParts(start, end, (part, clusters, from, to) => {
            const share = this.#missing[part] ?? 0;
            isExact &&= share === 0 || share === 1;
            return share === 0 ? 0 : share * (clusters - (this.#usedBefore(to) - this.#usedBefore(from)));
          });
    return { used: used / all, missing: missing / all, isExact };
  }

  #missingOf(perMille: number, part: number): number {
    const [start, end] = [this.#partStart(part), this.#partStart(part + 1)];
    const all = end - start;
    const absent = all - (this.#usedBefore(end) - this.#usedBefore(start));
    // Rounded up: there may be one per mille less.
    const missing = absent - all + (perMille === 1000 ? all : Math.max(0, ((perMille - 1) * all) / 1000));
    if (absent <= 0 || missing <= 0) {
      return 0;
    }
    return Math.min(1, missing / absent);
  }

  #usedBefore(lcn: number): number {
    const { lcns, lengths } = this.#extents!;
    const index = extentAt(this.#extents!, lcn);
    if (index >= lcns.length) {
      const last = lcns.length - 1;
      return last < 0 ? 0 : this.#before[last]! + lengths[last]!;
    }
    return this.#before[index]! + Math.max(0, lcn - lcns[index]!);
  }

  #overParts(start: number, end: number, each: (part: number, clusters: number, from: number, to: number) => number): number {
    const nrParts = this.#parts.length;
    if (nrParts === 0) {
      return 0;
    }
    let sum = 0;
    let part = Math.min(nrParts - 1, Math.floor((start * nrParts) / this.clusters));
    while (part > 0 && this.#partStart(part) > start) {
      part -= 1;
    }
    for (let from = start; from < end && part < nrParts; part += 1) {
      const to = Math.min(end, this.#partStart(part + 1));
      if (to > from) {
        sum += each(part, to - from, from, to);
        from = to;
      }
    }
    return sum;
  }

  #partStart(part: number): number {
    return Math.floor((part * this.clusters) / this.#parts.length);
  }
}
