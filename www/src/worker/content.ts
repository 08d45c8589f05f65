import type { IHasher } from "hash-wasm";
import { piecesOf } from "./stream-pieces.js";
import type { Asked } from "./writing.js";

type Bytes = ReadableStream<Uint8Array<ArrayBuffer>>;

/** The first bytes of content. */
export async function firstBytes(content: Bytes, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(most);
  let length = 0;
  for await (const piece of piecesOf(content)) {
    const part = piece.subarray(0, most - length);
    bytes.set(part, length);
    length += part.length;
    if (length === most) {
      // What leaves the loop cancels the stream.
      break;
    }
  }
  return bytes.slice(0, length);
}

/** The checksum of content, in hexadecimal; `total` is how many bytes it has. */
export async function digestOf(content: Bytes, hash: IHasher, total: number, { onProgress }: Asked): Promise<string> {
  let done = 0;
  for await (const piece of piecesOf(content)) {
    hash.update(piece);
    done += piece.length;
    onProgress?.({ done, total });
  }
  return hash.digest("hex");
}
