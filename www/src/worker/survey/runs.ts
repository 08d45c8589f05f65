import type { Held, Holder } from "ntfsclone";
import type { Extents } from "../../extents.js";
import { HOLDERS } from "../../kinds.js";
import { float64, Growing, uint32, uint8 } from "./growing.js";

/** A limit of the page: each run takes 17 bytes. Later runs have no owner on the map, and the page says so. */
const MOST_RUNS = 4_000_000;

/** Consecutive clusters of one owner. */
export interface HeldRun {
  lcn: number;
  length: number;
  record: number;
  holder: Holder;
}

/** Collects the owned runs of a survey, which come in the order of files. */
export class RunCollector {
  readonly #lcns = new Growing(float64);
  readonly #lengths = new Growing(float64);
  readonly #records = new Growing(uint32);
  readonly #holders = new Growing(uint8);
  /** Some were left out. */
  isCut = false;

  add({ lcn, length, record, holder }: Held): void {
    const kind = HOLDERS.indexOf(holder);
    const [lastLcn, lastLength] = [this.#lcns.last, this.#lengths.last];
    if (this.#lcns.length > 0 && this.#records.last === record && this.#holders.last === kind && lastLcn! + lastLength! === lcn) {
      this.#lengths.replaceLast(lastLength! + length);
    } else if (this.#lcns.length >= MOST_RUNS) {
      this.isCut = true;
    } else if (length > 0) {
      this.#lcns.push(lcn);
      this.#lengths.push(length);
      // Windows makes no more records than this can count.
      this.#records.push(record);
      this.#holders.push(kind);
    }
  }

  /** Sorts the runs by cluster, and cuts them at `clusters`. Clusters with several owners go to the first run. */
  finish(clusters: number): HeldRuns {
    const [lcns, lengths, records, holders] = [this.#lcns.take(), this.#lengths.take(), this.#records.take(), this.#holders.take()];
    const order = Uint32Array.from(lcns, (_, index) => index).sort((a, b) => lcns[a]! - lcns[b]! || a - b);
    const sorted = {
      lcns: new Float64Array(lcns.length),
      lengths: new Float64Array(lcns.length),
      records: new Uint32Array(lcns.length),
      holders: new Uint8Array(lcns.length),
    };
    let end = 0;
    let nr = 0;
    for (const index of order) {
      const first = Math.max(lcns[index]!, end);
      const last = Math.min(lcns[index]! + lengths[index]!, clusters);
      if (last > first) {
        sorted.lcns[nr] = first;
        sorted.lengths[nr] = last - first;
        sorted.records[nr] = records[index]!;
        sorted.holders[nr] = holders[index]!;
        nr += 1;
        end = last;
      }
    }
    const { lcns: all, ...others } = sorted;
    return new HeldRuns(all.subarray(0, nr), others.lengths.subarray(0, nr), others.records, others.holders);
  }
}

/** Owned runs, sorted by cluster, without overlaps. */
export class HeldRuns {
  readonly lcns: Float64Array;
  readonly lengths: Float64Array;
  readonly #records: Uint32Array;
  readonly #holders: Uint8Array;

  constructor(lcns: Float64Array, lengths: Float64Array, records: Uint32Array, holders: Uint8Array) {
    this.lcns = lcns;
    this.lengths = lengths;
    this.#records = records;
    this.#holders = holders;
  }

  static readonly none = new HeldRuns(new Float64Array(), new Float64Array(), new Uint32Array(), new Uint8Array());

  holder(index: number): Holder {
    return HOLDERS[this.#holders[index]!]!;
  }

  run(index: number): HeldRun {
    return { lcn: this.lcns[index]!, length: this.lengths[index]!, record: this.#records[index]!, holder: this.holder(index) };
  }

  /** The records of files with clusters that are not in `stored`. */
  notWithin(stored: Extents): Set<number> {
    const records = new Set<number>();
    let at = 0;
    for (let index = 0; index < this.lcns.length; index += 1) {
      const [start, end] = [this.lcns[index]!, this.lcns[index]! + this.lengths[index]!];
      for (let from = start; from < end; ) {
        while (at < stored.lcns.length && stored.lcns[at]! + stored.lengths[at]! <= from) {
          at += 1;
        }
        if (!(stored.lcns[at]! <= from)) {
          records.add(this.#records[index]!);
          break;
        }
        from = stored.lcns[at]! + stored.lengths[at]!;
      }
    }
    return records;
  }

  /** The first `most` runs of a file, in the order of clusters, and the number of its runs. */
  of(record: number, most: number): { runs: HeldRun[]; length: number } {
    const runs: HeldRun[] = [];
    let length = 0;
    for (let index = 0; index < this.lcns.length; index += 1) {
      if (this.#records[index] === record) {
        length += 1;
        if (runs.length < most) {
          runs.push(this.run(index));
        }
      }
    }
    return { runs, length };
  }
}
