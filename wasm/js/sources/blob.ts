import type { RandomAccess } from "./source.js";

/** The parts of a `Blob` that are used; a `File` has a name, too. */
export interface BlobLike {
  readonly size: number;
  readonly name?: string;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** The part of a `FileSystemFileHandle` that is used. */
export interface FileSystemFileHandleLike {
  getFile(): Promise<BlobLike>;
}

/** A file that somebody chose, or anything else that browsers hold without having read it. */
export function fromBlob(blob: BlobLike): RandomAccess {
  return {
    name: blob.name || "blob",
    size: blob.size,
    read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
  };
}
