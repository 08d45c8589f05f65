import type { VolumeSummary } from "ntfsclone";
import type { Details } from "../messages.js";
import { Fields, type Field } from "./field.js";
import { withoutFixups } from "./fixups.js";
import { mftRecord } from "./record.js";
import { decodeRuns } from "./runs.js";

type Read = (offset: number, length: number) => Promise<DataView<ArrayBuffer>>;

const DATA = 0x80;
const TIMES = ["Created", "Content changed", "Record changed", "Read"];

/** What the record of a file says of it: nothing if the record cannot be found or is not in use. */
export async function detailsOf(record: number, volume: VolumeSummary, read: Read): Promise<Details | null> {
  const { mft_lcn, cluster_size, mft_record_size: size } = volume;
  const first = await read(mft_lcn * cluster_size, size);
  const offset = placeOf(record, withoutFixups(first), volume);
  if (offset === null) {
    return null;
  }
  const bytes = await read(offset, size);
  const field = mftRecord(bytes);
  const standard = valueOf(field, "$STANDARD_INFORMATION");
  if (!standard || field.name.endsWith("not in use")) {
    return null;
  }
  const fileName = (field.parts ?? []).filter(({ name }) => name === "$FILE_NAME").map((attribute) => part(attribute, "Value"));
  const own = fileName.find((value) => text(value, "Namespace") !== "DOS");
  const header = part(field, "Header");
  return {
    sequence: text(header, "Sequence number") ?? "",
    links: text(header, "Hard links") ?? "",
    attributes: text(standard, "Flags") ?? "",
    securityId: text(standard, "Security ID"),
    times: TIMES.map((name) => ({ name, standard: text(standard, name) ?? "", fileName: text(own, name) })),
  };
}

/** Where a record is on the volume, by the runs in the first record of `$MFT`; null if those of it are not there. */
function placeOf(record: number, first: DataView, { cluster_size, mft_record_size }: VolumeSummary): number | null {
  const fields = new Fields(first, 0, first.byteLength);
  const position = record * mft_record_size;
  const vcn = Math.floor(position / cluster_size);
  for (let at = fields.peek(20, 2); at >= 8 && fields.has(at, 64); ) {
    const length = fields.peek(at + 4, 4);
    if (length < 16 || !fields.has(at, length)) {
      break;
    }
    if (fields.peek(at, 4) === DATA && fields.peek(at + 9, 1) === 0 && fields.peek(at + 8, 1) !== 0) {
      const runs = decodeRuns(fields.within(at, at + length), fields.peek(at + 32, 2), fields.peek(at + 16, 8));
      const run = runs.find((run) => run.vcn <= vcn && vcn < run.vcn + run.clusters);
      return run && run.lcn !== null ? (run.lcn - run.vcn) * cluster_size + position : null;
    }
    at += length;
  }
  return null;
}

function valueOf(record: Field, attribute: string): Field | undefined {
  return part((record.parts ?? []).find(({ name }) => name === attribute), "Value");
}

function part(field: Field | undefined, name: string): Field | undefined {
  return field?.parts?.find((part) => part.name === name);
}

function text(field: Field | undefined, name: string): string | null {
  return part(field, name)?.value ?? null;
}
