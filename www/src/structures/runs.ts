import { count } from "../numbers.js";
import type { Field, Fields } from "./field.js";

/** Which clusters content has: each run a byte with two lengths, then how many clusters, then how far from the last. */
export function runs(fields: Fields, at: number, firstVcn: number): Field[] {
  const made = fields.within(0);
  let [vcn, lcn] = [firstVcn, 0];
  for (let place = at; fields.has(place, 1); ) {
    const head = fields.peek(place, 1);
    if (head === 0) {
      made.add(place, 1, "End");
      break;
    }
    const [lengthBytes, lcnBytes] = [head & 15, head >> 4];
    const length = 1 + lengthBytes + lcnBytes;
    if (lengthBytes === 0 || lengthBytes > 8 || lcnBytes > 8 || !fields.has(place, length)) {
      break;
    }
    const clusters = signed(fields, place + 1, lengthBytes);
    lcn += signed(fields, place + 1 + lengthBytes, lcnBytes);
    const isHole = lcnBytes === 0;
    made.add(place, length, `VCN ${count(vcn)}`, {
      value: isHole ? `${count(clusters)} clusters, a hole` : `${count(clusters)} clusters at cluster ${count(lcn)}`,
      ...(isHole || lcn < 0 ? {} : { target: { lcn } }),
    });
    vcn += clusters;
    place += length;
  }
  return made.parts;
}

/** A number of so many bytes, the lowest first. */
function signed(fields: Fields, at: number, length: number): number {
  let number = 0n;
  for (let index = length - 1; index >= 0; index -= 1) {
    number = (number << 8n) | BigInt(fields.peek(at + index, 1));
  }
  return Number(BigInt.asIntN(8 * length, number));
}
