import { count } from "../numbers.js";
import type { Field, Fields } from "./field.js";

/** Consecutive clusters of content. */
export interface Run {
  vcn: number;
  /** Null of a hole. */
  lcn: number | null;
  clusters: number;
  /** The bytes that say it. */
  at: number;
  length: number;
}

/** Which clusters content has: each run a byte with two lengths, then how many clusters, then how far from the last. Ends where they end or make no sense. */
export function decodeRuns(fields: Fields, at: number, firstVcn: number): Run[] {
  const made: Run[] = [];
  let [vcn, lcn] = [firstVcn, 0];
  for (let place = at; fields.has(place, 1); ) {
    const head = fields.peek(place, 1);
    const [lengthBytes, lcnBytes] = [head & 15, head >> 4];
    const length = 1 + lengthBytes + lcnBytes;
    if (lengthBytes === 0 || lengthBytes > 8 || lcnBytes > 8 || !fields.has(place, length)) {
      break;
    }
    const clusters = signed(fields, place + 1, lengthBytes);
    lcn += signed(fields, place + 1 + lengthBytes, lcnBytes);
    made.push({ vcn, lcn: lcnBytes === 0 ? null : lcn, clusters, at: place, length });
    vcn += clusters;
    place += length;
  }
  return made;
}

/** The same as fields. */
export function runs(fields: Fields, at: number, firstVcn: number): Field[] {
  const made = fields.within(0);
  const decoded = decodeRuns(fields, at, firstVcn);
  for (const { vcn, lcn, clusters, at, length } of decoded) {
    made.add(at, length, `VCN ${count(vcn)}`, {
      value: lcn === null ? `${count(clusters)} clusters, a hole` : `${count(clusters)} clusters at cluster ${count(lcn)}`,
      ...(lcn === null || lcn < 0 ? {} : { target: { lcn } }),
    });
  }
  const last = decoded.at(-1);
  const end = last ? last.at + last.length : at;
  if (fields.has(end, 1) && fields.peek(end, 1) === 0) {
    made.add(end, 1, "End");
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
