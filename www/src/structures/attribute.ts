import { count } from "../numbers.js";
import { Fields, flags, hexadecimal, type Field } from "./field.js";
import { runs } from "./runs.js";
import { value } from "./values.js";

const TYPES: Record<number, string> = {
  0x10: "$STANDARD_INFORMATION",
  0x20: "$ATTRIBUTE_LIST",
  0x30: "$FILE_NAME",
  0x40: "$OBJECT_ID",
  0x50: "$SECURITY_DESCRIPTOR",
  0x60: "$VOLUME_NAME",
  0x70: "$VOLUME_INFORMATION",
  0x80: "$DATA",
  0x90: "$INDEX_ROOT",
  0xa0: "$INDEX_ALLOCATION",
  0xb0: "$BITMAP",
  0xc0: "$REPARSE_POINT",
  0xd0: "$EA_INFORMATION",
  0xe0: "$EA",
  0x100: "$LOGGED_UTILITY_STREAM",
};

export function typeName(type: number): string {
  return TYPES[type] ?? `attribute ${hexadecimal(type)}`;
}

/** An attribute of an MFT record, at that place of it. */
export function attribute(record: Fields, at: number, length: number): Field {
  const fields = record.within(at, at + length);
  const type = fields.number(0, 4, "Type", (type) => `${typeName(type)} (${hexadecimal(type)})`);
  fields.number(4, 4, "Length");
  const isNonResident = fields.number(8, 1, "Form", (form) => (form === 0 ? "resident" : "non-resident")) !== 0;
  const nameLength = fields.number(9, 1, "Length of the name");
  const nameAt = fields.number(10, 2, "Offset of the name");
  const attributeFlags = fields.number(12, 2, "Flags", flags({ 0x1: "compressed", 0x4000: "encrypted", 0x8000: "sparse" }));
  fields.number(14, 2, "Attribute ID");
  const name = nameLength > 0 ? fields.text(nameAt, nameLength, "Name") : "";
  if (isNonResident) {
    nonResident(fields, attributeFlags);
  } else {
    resident(fields, type, name);
  }
  fields.rest("Padding");
  const form = isNonResident ? "non-resident" : `resident, ${count(fields.peek(16, 4))} bytes`;
  return {
    offset: fields.parts[0]?.offset ?? at,
    length: fields.length,
    name: name === "" ? typeName(type) : `${typeName(type)} “${name}”`,
    value: form,
    parts: fields.parts,
  };
}

function resident(fields: Fields, type: number, name: string): void {
  const length = fields.number(16, 4, "Length of the value");
  const at = fields.number(20, 2, "Offset of the value");
  fields.number(22, 1, "Indexed", (is) => (is === 0 ? "no" : "yes"));
  fields.add(23, 1, "Padding");
  if (at >= 24 && fields.has(at, length)) {
    const parts = value(fields.within(at, at + length), type, name);
    fields.add(at, length, "Value", parts.length > 0 ? { parts } : {});
  }
}

function nonResident(fields: Fields, attributeFlags: number): void {
  const first = fields.number(16, 8, "First VCN");
  fields.number(24, 8, "Last VCN");
  const at = fields.number(32, 2, "Offset of the runs");
  fields.number(34, 1, "Compression unit", (power) => (power === 0 ? "none" : `${count(2 ** power)} clusters`));
  fields.add(35, 5, "Padding");
  fields.number(40, 8, "Allocated size");
  fields.number(48, 8, "Size");
  fields.number(56, 8, "Initialized size");
  // Of these only: else the name or the runs come.
  if ((attributeFlags & 0x8001) !== 0 && at >= 72) {
    fields.number(64, 8, "Size on the disk");
  }
  const parts = at >= 64 ? runs(fields, at, first) : [];
  const last = parts.at(-1);
  if (last) {
    const start = parts[0]!.offset;
    fields.parts.push({ offset: start, length: last.offset + last.length - start, name: "Runs", value: count(parts.length - Number(last.name === "End")), parts });
  }
}
