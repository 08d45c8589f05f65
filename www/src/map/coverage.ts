import { KINDS, type Counted, type Kind, type Squares } from "../kinds.js";

/** What is in some consecutive clusters: how many of each kind. */
export interface Contents {
  clusters: number;
  kinds: ReadonlyMap<Kind, number>;
  free: number;
  isExact: boolean;
}

/** Which clusters are what, as far as is known by now: of what is seen exactly, of all else roughly. */
export class Coverage {
  readonly clusters: number;
  /** The volume in equal parts: how many per mille of each its `$Bitmap` marks, rounded up. */
  readonly #parts: readonly number[];
  #counted: Counted | undefined;
  #isOutdated = false;
  /** Whether it is known whose clusters are. */
  isTold = false;

  constructor(clusters: number, parts: readonly number[]) {
    this.clusters = clusters;
    this.#parts = parts;
  }

  get isExact(): boolean {
    return this.#counted !== undefined;
  }

  /** Whether there is anything to show. */
  get isKnown(): boolean {
    return this.isExact || this.#parts.length > 0;
  }

  /** Whether these are what was counted last. */
  has({ first, perSquare, length }: Squares): boolean {
    const counted = this.#counted;
    return !this.#isOutdated && counted?.first === first && counted.perSquare === perSquare && counted.length === length;
  }

  take(counted: Counted): void {
    this.#counted = counted;
    this.#isOutdated = false;
  }

  /** It is now known whose clusters are: what was counted before does not tell. */
  outdate(): void {
    this.isTold = true;
    this.#isOutdated = true;
  }

  /** Of the square that begins with a cluster. */
  square(lcn: number, perSquare: number): Contents {
    const clusters = Math.min(perSquare, this.clusters - lcn);
    const counted = this.#counted;
    const index = counted ? (lcn - counted.first) / counted.perSquare : -1;
    if (counted?.perSquare !== perSquare || !Number.isInteger(index) || index < 0 || index >= counted.length) {
      const used = this.#roughlyUsed(lcn, lcn + clusters);
      return { clusters, kinds: new Map(used > 0 ? [["used", used]] : []), free: clusters - used, isExact: false };
    }
    return contentsOf(counted, index, clusters);
  }

  #roughlyUsed(start: number, end: number): number {
    const nrParts = this.#parts.length;
    let used = 0;
    const partStart = (part: number) => (part * this.clusters) / nrParts;
    for (let part = Math.floor((start * nrParts) / this.clusters); part < nrParts && partStart(part) < end; part += 1) {
      const within = Math.min(end, partStart(part + 1)) - Math.max(start, partStart(part));
      used += (Math.max(0, within) * (this.#parts[part] ?? 0)) / 1000;
    }
    return Math.min(used, end - start);
  }
}

/** Of one of the squares, which has so many clusters. */
export function contentsOf({ counts }: Counted, index: number, clusters: number): Contents {
  const kinds = new Map<Kind, number>();
  let free = clusters;
  KINDS.forEach((kind, place) => {
    const count = counts[index * KINDS.length + place] ?? 0;
    if (count > 0) {
      kinds.set(kind, count);
      free -= count;
    }
  });
  return { clusters, kinds, free, isExact: true };
}
