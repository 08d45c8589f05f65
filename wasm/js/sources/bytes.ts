import type { RandomAccess } from "./source.js";

/** Bytes in memory. They must not change while the image is open. */
export function fromBytes(bytes: Uint8Array | ArrayBuffer): RandomAccess {
  const all = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  return {
    name: "bytes",
    size: all.byteLength,
    read: (offset, length) => all.subarray(offset, offset + length),
  };
}
