import type { SurveyedFile, SurveyedStream } from "ntfsclone";
import { HOLDERS } from "../../kinds.js";
import { FileTable } from "./file-table.js";
import { float64, Growing, uint8 } from "./growing.js";

/** The zero of NTFS times, 1601: the time was never set, or was wiped. */
const UNSET = Date.UTC(1601, 0, 1);

interface Name {
  parent: number;
  name: string | null;
}

/** One entry a name of a file in each column, at the same index: a volume may have millions of files. */
export interface Columns {
  /** In order. */
  records: Float64Array;
  /** 1 of the names of a file behind its first: what they have is counted there. */
  others: Uint8Array;
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
  readonly #others = new Growing(uint8);
  readonly #parents = new Growing(float64);
  readonly #sizes = new Growing(float64);
  readonly #clusters = new Growing(float64);
  readonly #holders = new Growing(uint8);
  readonly #modified = new Growing(float64);
  readonly #links = new Growing(uint8);
  readonly #names: (string | null)[] = [];
  readonly #streams = new Map<number, SurveyedStream[]>();

  add(file: SurveyedFile): void {
    const { record, parent, name, other_names, streams } = file;
    this.#addName(file, { parent, name }, false);
    other_names.forEach((other) => this.#addName(file, other, true));
    if (streams.length > 0) {
      this.#streams.set(record, streams);
    }
  }

  #addName({ record, holder, size, clusters, modified, is_link }: SurveyedFile, { parent, name }: Name, isOther: boolean): void {
    this.#records.push(record);
    this.#others.push(Number(isOther));
    this.#parents.push(parent);
    this.#sizes.push(size);
    this.#clusters.push(clusters);
    this.#holders.push(HOLDERS.indexOf(holder));
    this.#modified.push(modified === null || modified === UNSET ? NaN : modified);
    this.#links.push(Number(is_link));
    this.#names.push(name);
  }

  /** `incomplete`: the records of files with clusters that are not in the image. */
  finish(clusterSize: number, incomplete: ReadonlySet<number>): FileTable {
    return new FileTable(
      {
        records: this.#records.take(),
        others: this.#others.take(),
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
