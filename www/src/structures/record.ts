import { count } from "../numbers.js";
import { attribute } from "./attribute.js";
import { Fields, flags, hexadecimal, type Field } from "./field.js";
import { protectedHeader, withoutFixups } from "./fixups.js";

const END = 0xffffffff;

/** A record of `$MFT`. */
export function mftRecord(protected_: DataView<ArrayBuffer>): Field {
  const bytes = withoutFixups(protected_);
  const fields = new Fields(bytes, 0, bytes.byteLength);
  const first = fields.peek(20, 2);
  const used = Math.min(fields.peek(24, 4), bytes.byteLength);
  const record = fields.peek(44, 4);
  const header = fields.within(0, first);
  protectedHeader(header);
  header.number(8, 8, "Log sequence number");
  header.number(16, 2, "Sequence number");
  header.number(18, 2, "Hard links");
  header.number(20, 2, "First attribute at");
  header.number(22, 2, "Flags", flags({ 1: "in use", 2: "directory", 4: "in $Extend", 8: "view index" }));
  header.number(24, 4, "Bytes in use");
  header.number(28, 4, "Bytes allocated");
  header.reference(32, "Base record");
  header.number(40, 2, "Next attribute ID");
  // Since NTFS 3.1: before, the fixup array is there.
  const isNumbered = fields.peek(4, 2) >= 48;
  if (isNumbered) {
    header.number(44, 4, "Record number");
  }
  header.rest("Padding");
  fields.add(0, first, "Header", { parts: header.parts });
  let at = first;
  while (at >= 8 && fields.has(at, 8) && at < used) {
    if (fields.peek(at, 4) === END) {
      fields.add(at, 8, "End of attributes", { value: hexadecimal(END) });
      at += 8;
      break;
    }
    const length = fields.peek(at + 4, 4);
    if (length < 16 || !fields.has(at, length)) {
      break;
    }
    fields.parts.push(attribute(fields, at, length));
    at += length;
  }
  fields.add(at, bytes.byteLength - at, "Not in use");
  const isInUse = (fields.peek(22, 2) & 1) !== 0;
  const name = isNumbered ? `MFT record ${count(record)}` : "MFT record";
  return { offset: 0, length: bytes.byteLength, name: isInUse ? name : `${name}, not in use`, parts: fields.parts };
}
