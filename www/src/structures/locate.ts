import type { Holder, VolumeSummary } from "ntfsclone";
import { bootSector } from "./boot-sector.js";
import type { Field } from "./field.js";
import { indexBlock } from "./index-node.js";
import { logPage } from "./log-page.js";
import { mftRecord } from "./record.js";

/** A structure, and the byte of the volume that it begins with. */
export interface Structure {
  start: number;
  field: Field;
}

/** The properties of a file that decide which structures can be in it. */
export interface Owner {
  record: number;
  holder: Holder;
}

interface Kind {
  signatures: string[];
  size: number;
  decode(bytes: DataView<ArrayBuffer>): Field;
  /** Whether it can be there, if that file has the clusters. */
  isIn(owner: Owner): boolean;
}

const LOG_PAGE = 4096;
const RECORD_LOG_FILE = 2;

/**
 * What structure of NTFS a byte is in: as it says by its signature, and if the file is one that has such.
 *
 * The page knows of NTFS what the package tells, but for this: what bytes are called. Nothing is decided by it. It is here,
 * and not in the package, for it is needed by nobody else, and would make that larger for all.
 */
export async function structureAt(
  offset: number,
  volume: VolumeSummary,
  owner: Owner | undefined,
  read: (offset: number, length: number) => Promise<DataView<ArrayBuffer>>,
): Promise<Structure | null> {
  for (const [start, name] of [
    [0, "Boot sector"],
    [volume.size, "Backup boot sector"],
  ] as const) {
    if (offset >= start && offset < start + volume.sector_size) {
      const bytes = await read(start, volume.sector_size);
      return signatureOf(bytes, 3).startsWith("NTFS") ? { start, field: bootSector(bytes, name) } : null;
    }
  }
  for (const kind of kindsIn(volume)) {
    if (!owner || kind.isIn(owner)) {
      const found = await find(kind, offset, volume.cluster_size, read);
      if (found) {
        return found;
      }
    }
  }
  return null;
}

function kindsIn({ mft_record_size, index_record_size }: VolumeSummary): Kind[] {
  return [
    { signatures: ["FILE", "BAAD"], size: mft_record_size, decode: mftRecord, isIn: ({ holder }) => holder === "mft" },
    { signatures: ["INDX"], size: index_record_size, decode: indexBlock, isIn: ({ holder }) => holder === "directory" || holder === "system" },
    { signatures: ["RSTR", "RCRD"], size: LOG_PAGE, decode: logPage, isIn: ({ record }) => record === RECORD_LOG_FILE },
  ];
}

/** A structure may begin in a cluster before, if it is larger than one. */
async function find(
  { signatures, size, decode }: Kind,
  offset: number,
  clusterSize: number,
  read: (offset: number, length: number) => Promise<DataView<ArrayBuffer>>,
): Promise<Structure | null> {
  const step = Math.min(size, clusterSize);
  for (let start = Math.floor(offset / step) * step; start >= 0 && start + size > offset; start -= step) {
    const bytes = await read(start, size);
    if (bytes.byteLength === size && signatures.includes(signatureOf(bytes, 0))) {
      return { start, field: decode(bytes) };
    }
  }
  return null;
}

function signatureOf(bytes: DataView, at: number): string {
  return bytes.byteLength < at + 4 ? "" : String.fromCharCode(...[0, 1, 2, 3].map((index) => bytes.getUint8(at + index)));
}
