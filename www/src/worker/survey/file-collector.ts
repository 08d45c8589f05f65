import type { SurveyedFile, SurveyedStream } from "ntfsclone";
import { HOLDERS } from "../../kinds.js";
import { FileTable } from "./file-table.js";
import { float64, Growing, uint8 } from "./growing.js";

/** The zero of NTFS times, 1601: the time was never set, or was wiped. */
const UNSET = Date.UTC(1601, 0, 1);

/** One entry a name of a file in each column, at the same index: a volume may have millions of files. */
export interface Columns {
  /** In order. */
  records: Float64Array;
  parents: Float64Array;
  sizes: Float64Array;
  clusters: Float64Array;
  holders: Uint8Array;
  /** In milliseconds since 1970, or not a number. */
  modified: Float64Array;
  /** 1 of those that are links. */
  links: Uint8Array;
  names: (string | null)[];
  /** By records: most have none. */
  streams: ReadonlyMap<number, SurveyedStream[]>;
  incomplete: ReadonlySet<number>;
}

/** Collects the files of a volume, in the order of their records. */
export class FileCollector {
  readonly #records = new Growing(float64);
  readonly #parents = new Growing(float64);
  readonly #sizes = new Growing(float64);
  readonly #clusters = new Growing(float64);
  readonly #holders = new Growing(uint8);
  readonly #modified = new Growing(float64);
  readonly #links = new Growing(uint8);
  readonly #names: (string | null)[] = [];
  readonly #streams = new Map<number, SurveyedStream[]>();

  add({ record, parent, name, holder, size, clusters, modified, is_link, streams }: SurveyedFile): void {
    this.#records.push(record);
    this.#parents.push(parent);
    this.#sizes.push(size);
    this.#clusters.push(clusters);
    this.#holders.push(HOLDERS.indexOf(holder));
    this.#modified.push(modified === null || modified === UNSET ? NaN : modified);
    this.#links.push(Number(is_link));
    this.#names.push(name);
    if (streams.length > 0) {
      this.#streams.set(record, streams);
    }
  }

  /** `incomplete`: the records of files with clusters that are not in the image. */
  finish(clusterSize: number, incomplete: ReadonlySet<number>): FileTable {
    return new FileTable(
      {
        records: this.#records.take(),
        parents: this.#parents.take(),
        sizes: this.#sizes.take(),
        clusters: this.#clusters.take(),
        holders: this.#holders.take(),
        modified: this.#modified.take(),
        links: this.#links.take(),
        names: this.#names,
        streams: this.#streams,
        incomplete,
      },
      clusterSize,
    );
  }
}
