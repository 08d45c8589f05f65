// Whole contents, without holding them.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/** SHA-256 and length of all that a stream of bytes (and holes) gives. */
export async function digest(stream) {
  const hash = createHash("sha256");
  let length = 0;
  for await (const piece of stream) {
    const bytes = piece instanceof Uint8Array ? piece : new Uint8Array(piece.hole);
    hash.update(bytes);
    length += bytes.length;
  }
  return { length, sha256: hash.digest("hex") };
}

export const digestOfFile = (path) => digest(createReadStream(path, { highWaterMark: 1 << 20 }));

/** All bytes of a stream. */
export async function collect(stream) {
  const pieces = [];
  for await (const piece of stream) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
