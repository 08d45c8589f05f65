import { count } from "../numbers.js";
import { Fields } from "./field.js";

/** A fixup stands at the end of each so many bytes, whatever the size of sectors. */
const STRIDE = 512;

/**
 * A structure as it was before it was protected: the last two bytes of each stride are put back from the array in its
 * header. Bytes that do not fit to that stay as they are.
 */
export function withoutFixups(protected_: DataView<ArrayBuffer>): DataView<ArrayBuffer> {
  const bytes = new DataView(protected_.buffer.slice(protected_.byteOffset, protected_.byteOffset + protected_.byteLength));
  const fields = new Fields(bytes, 0, bytes.byteLength);
  const [array, length] = [fields.peek(4, 2), fields.peek(6, 2)];
  const number = fields.peek(array, 2);
  for (let index = 1; index < length; index += 1) {
    const end = index * STRIDE - 2;
    if (fields.has(end, 2) && fields.has(array + 2 * index, 2) && fields.peek(end, 2) === number) {
      bytes.setUint16(end, fields.peek(array + 2 * index, 2), true);
    }
  }
  return bytes;
}

/** The header that all protected structures begin with. */
export function protectedHeader(fields: Fields): void {
  fields.letters(0, 4, "Signature");
  fields.number(4, 2, "Offset of the fixup array");
  fields.number(6, 2, "Fixup array, entries");
  const [array, length] = [fields.peek(4, 2), fields.peek(6, 2)];
  fields.add(array, 2 * length, "Fixup array", { value: `number ${count(fields.peek(array, 2))}` });
}
