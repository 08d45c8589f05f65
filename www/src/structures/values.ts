import { count } from "../numbers.js";
import { typeName } from "./attribute.js";
import { Fields, flags, hexadecimal, type Field } from "./field.js";
import { indexNode } from "./index-node.js";

const FILE_FLAGS = flags({
  0x1: "read-only",
  0x2: "hidden",
  0x4: "system",
  0x20: "archive",
  0x100: "temporary",
  0x200: "sparse",
  0x400: "reparse point",
  0x800: "compressed",
  0x1000: "offline",
  0x2000: "not indexed",
  0x4000: "encrypted",
  0x10000000: "directory",
  0x20000000: "view index",
});
const NAMESPACES = ["POSIX", "Windows", "DOS", "Windows and DOS"];

/** What is in a resident attribute; nothing where that has no fields. */
export function value(fields: Fields, type: number, name: string): Field[] {
  switch (type) {
    case 0x10:
      standardInformation(fields);
      break;
    case 0x20:
      attributeList(fields);
      break;
    case 0x30:
      fileName(fields);
      break;
    case 0x60:
      fields.text(0, fields.length / 2, "Label");
      break;
    case 0x70:
      fields.add(0, 8, "Not used");
      fields.number(8, 1, "Major version");
      fields.number(9, 1, "Minor version");
      fields.number(10, 2, "Flags", flags({ 1: "dirty", 2: "resize log", 4: "upgrade", 0x4000: "chkdsk ran", 0x8000: "modified by chkdsk" }));
      break;
    case 0x90:
      fields.number(0, 4, "Indexed attribute", (type) => (type === 0 ? "none" : typeName(type)));
      fields.number(4, 4, "Collation", hexadecimal);
      fields.number(8, 4, "Size of an index record");
      fields.number(12, 1, "Clusters of an index record");
      fields.add(13, 3, "Padding");
      fields.parts.push(...indexNode(fields.within(16), name === "$I30"));
      break;
    case 0xc0:
      fields.number(0, 4, "Reparse tag", hexadecimal);
      fields.number(4, 2, "Length of its data");
      break;
  }
  if (fields.parts.length > 0) {
    fields.rest("Rest");
  }
  return fields.parts;
}

function standardInformation(fields: Fields): void {
  times(fields, 0);
  fields.number(32, 4, "Flags", FILE_FLAGS);
  fields.number(36, 4, "Versions at most");
  fields.number(40, 4, "Version");
  fields.number(44, 4, "Class ID");
  // Since NTFS 3.0.
  fields.number(48, 4, "Owner ID");
  fields.number(52, 4, "Security ID");
  fields.number(56, 8, "Quota charged");
  fields.number(64, 8, "Update sequence number");
}

/** A `$FILE_NAME`, in a record and as the key of a directory's entry. */
export function fileName(fields: Fields): void {
  fields.reference(0, "Parent directory");
  times(fields, 8);
  fields.number(40, 8, "Allocated size");
  fields.number(48, 8, "Size");
  fields.number(56, 4, "Flags", FILE_FLAGS);
  fields.number(60, 4, "Extended attributes or reparse tag", hexadecimal);
  const length = fields.number(64, 1, "Length of the name");
  fields.number(65, 1, "Namespace", (space) => NAMESPACES[space] ?? count(space));
  fields.text(66, length, "Name");
}

function times(fields: Fields, at: number): void {
  fields.time(at, "Created");
  fields.time(at + 8, "Content changed");
  fields.time(at + 16, "Record changed");
  fields.time(at + 24, "Read");
}

function attributeList(fields: Fields): void {
  for (let at = 0; fields.has(at, 26); ) {
    const length = fields.peek(at + 4, 2);
    if (length < 26 || !fields.has(at, length)) {
      break;
    }
    const entry = fields.within(at, at + length);
    const type = entry.number(0, 4, "Type", typeName);
    entry.number(4, 2, "Length");
    const nameLength = entry.number(6, 1, "Length of the name");
    const nameAt = entry.number(7, 1, "Offset of the name");
    entry.number(8, 8, "First VCN");
    const record = entry.reference(16, "Record");
    entry.number(24, 2, "Attribute ID");
    if (nameLength > 0) {
      entry.text(nameAt, nameLength, "Name");
    }
    entry.rest("Padding");
    fields.add(at, length, typeName(type), { value: `in record ${count(record)}`, parts: entry.parts });
    at += length;
  }
}
