import { count } from "../numbers.js";
import { Fields, flags, type Field } from "./field.js";
import { protectedHeader, withoutFixups } from "./fixups.js";
import { fileName } from "./values.js";

const HAS_CHILD = 1;
const IS_LAST = 2;
/** The least bytes of a `$FILE_NAME`. */
const NAME_AT = 66;

/** A block of an index, as directories have. */
export function indexBlock(protected_: DataView<ArrayBuffer>): Field {
  const bytes = withoutFixups(protected_);
  const fields = new Fields(bytes, 0, bytes.byteLength);
  protectedHeader(fields);
  fields.number(8, 8, "Log sequence number");
  const vcn = fields.number(16, 8, "VCN of this block");
  fields.parts.push(...indexNode(fields.within(24), looksLikeNames(fields.within(24))));
  fields.parts.sort((a, b) => a.offset - b.offset);
  return { offset: 0, length: bytes.byteLength, name: `Index block ${count(vcn)}`, parts: fields.parts };
}

/** Entries of an index, and what stands before them. Keys of a directory are names. */
export function indexNode(node: Fields, hasNames: boolean): Field[] {
  const first = node.number(0, 4, "First entry at");
  const end = node.number(4, 4, "End of the entries at");
  node.number(8, 4, "End of the block at");
  node.number(12, 1, "Flags", flags({ 1: "has blocks below" }));
  node.add(13, 3, "Padding");
  let at = first;
  while (at >= 16 && at < end && node.has(at, 16)) {
    const length = node.peek(at + 8, 2);
    if (length < 16 || !node.has(at, length)) {
      break;
    }
    node.parts.push(entry(node.within(at, at + length), hasNames));
    const isLast = (node.peek(at + 12, 2) & IS_LAST) !== 0;
    at += length;
    if (isLast) {
      break;
    }
  }
  node.rest("Not in use");
  return node.parts;
}

function entry(fields: Fields, hasNames: boolean): Field {
  const entryFlags = fields.peek(12, 2);
  const keyLength = fields.peek(10, 2);
  const isLast = (entryFlags & IS_LAST) !== 0;
  const key = fields.within(16, 16 + keyLength);
  const isName = hasNames && !isLast && keyLength >= NAME_AT;
  if (isName) {
    fields.reference(0, "File");
    fileName(key);
    key.rest("Padding");
  } else {
    fields.add(0, 8, isLast ? "Not used" : "File, or where the data is");
  }
  fields.number(8, 2, "Length");
  fields.number(10, 2, "Length of the key");
  fields.number(12, 2, "Flags", flags({ [HAS_CHILD]: "has a block below", [IS_LAST]: "last" }));
  fields.add(14, 2, "Padding");
  fields.add(16, keyLength, isName ? "$FILE_NAME" : "Key", isName ? { parts: key.parts } : {});
  if ((entryFlags & HAS_CHILD) !== 0) {
    const at = fields.length - 8;
    fields.add(16 + keyLength, at - 16 - keyLength, "Padding");
    fields.number(at, 8, "VCN of the block below");
  } else {
    fields.rest("Padding");
  }
  const name = isLast ? "Last entry" : "Entry";
  const text = isName ? { value: key.peekText(NAME_AT, key.peek(64, 1)) } : {};
  return { offset: fields.parts[0]!.offset, length: fields.length, name, ...text, parts: fields.parts };
}

/** A block does not tell what its keys are: those of a directory are as long as the name in them. */
function looksLikeNames(node: Fields): boolean {
  const first = node.peek(0, 4);
  const [keyLength, entryFlags] = [node.peek(first + 10, 2), node.peek(first + 12, 2)];
  return (entryFlags & IS_LAST) === 0 && keyLength >= NAME_AT && keyLength === NAME_AT + 2 * node.peek(first + 16 + 64, 1);
}
