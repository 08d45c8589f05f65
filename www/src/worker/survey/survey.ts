import type { Holder, Image, Info, LookOptions } from "ntfsclone";
import { extentAt, type Extents } from "../../extents.js";
import type { Counted, Squares } from "../../kinds.js";
import type { Cluster, FileFacts, Found, Holders } from "../../messages.js";
import { FileCollector } from "./file-collector.js";
import type { FileTable } from "./file-table.js";
import { Listings } from "./listings.js";
import { HeldRuns, RunCollector, type HeldRun } from "./runs.js";
import { countSquares } from "./squares.js";

const MOST_RUNS_TOLD = 12;
const MOST_HOLDERS_TOLD = 3;

/** The files of a volume, and their clusters. */
export class Survey {
  readonly files: FileTable;
  readonly listings: Listings;
  readonly #runs: HeldRuns;
  readonly #clusters: number;
  readonly #stored: Extents;
  readonly #isImage: boolean;
  readonly #isCut: boolean;

  /** Scans all files. `stored`: the clusters in use, or those in the image. */
  static async of(image: Image, stored: Extents, options: LookOptions): Promise<Survey> {
    const files = new FileCollector();
    const runs = new RunCollector();
    for await (const piece of image.survey(options)) {
      if ("files" in piece) {
        piece.files.forEach((file) => files.add(file));
      } else {
        piece.held.forEach((held) => runs.add(held));
      }
    }
    return new Survey(image.info(), stored, files, runs);
  }

  private constructor({ volume, image }: Info, stored: Extents, files: FileCollector, runs: RunCollector) {
    // In a damaged image only the header may be readable.
    const { clusters = 0, cluster_size = 0 } = volume ?? image ?? {};
    this.#clusters = clusters;
    this.#stored = stored;
    this.#isImage = image !== null;
    this.#runs = runs.finish(this.#clusters);
    this.#isCut = runs.isCut;
    const incomplete = this.#isImage ? this.#runs.notWithin(stored) : new Set<number>();
    this.files = files.finish(cluster_size, incomplete);
    this.listings = new Listings(this.files);
  }

  found(): Omit<Found, "damage"> {
    const whole = { first: 0, perSquare: this.#clusters, length: 1 };
    return { files: this.files.users, whole: this.count(whole), isCut: this.#isCut };
  }

  count(squares: Squares): Counted {
    return countSquares(squares, this.#clusters, this.#stored, this.#runs, this.#isImage);
  }

  file(record: number): FileFacts | null {
    const file = this.files.file(record);
    if (!file) {
      return null;
    }
    const { runs, length } = this.#runs.of(record, MOST_RUNS_TOLD);
    return { ...file, runs: runs.map(({ lcn, length }) => ({ lcn, length })), pieces: length, names: this.files.pathsOf(record) };
  }

  /** The run that a cluster belongs to. */
  owner(lcn: number): HeldRun | undefined {
    const index = extentAt(this.#runs, lcn);
    const run = index < this.#runs.lcns.length ? this.#runs.run(index) : undefined;
    return run && run.lcn <= lcn ? run : undefined;
  }

  /** The owners of a range of clusters. */
  holders({ lcn, length }: Cluster): Holders {
    const end = lcn + length;
    const clusters = new Map<number, { record: number; holder: Holder; clusters: number }>();
    for (let index = extentAt(this.#runs, lcn); index < this.#runs.lcns.length; index += 1) {
      const run = this.#runs.run(index);
      if (run.lcn >= end) {
        break;
      }
      const held = clusters.get(run.record) ?? { record: run.record, holder: run.holder, clusters: 0 };
      held.clusters += Math.min(run.lcn + run.length, end) - Math.max(run.lcn, lcn);
      clusters.set(run.record, held);
    }
    const most = [...clusters.values()].sort((a, b) => b.clusters - a.clusters);
    const files = most.slice(0, MOST_HOLDERS_TOLD).map(({ record, holder }) => ({ record, holder, path: this.files.path(record) ?? [{ record, name: null }] }));
    return { files, others: most.length - files.length };
  }
}

/** Counts squares before the owners are known. */
export function countUsed(squares: Squares, clusters: number, stored: Extents): Counted {
  return countSquares(squares, clusters, stored, HeldRuns.none, false);
}
