import { NtfscloneError } from "../error.js";
import type { RandomAccess } from "./source.js";

/** The parts of a `Blob` that are used; a `File` has a name, too. */
export interface BlobLike {
  readonly size: number;
  readonly name?: string;
  slice(start: number, end: number): BlobPart;
}

/** The part of a `FileSystemFileHandle` that is used. */
export interface FileSystemFileHandleLike {
  getFile(): Promise<BlobLike>;
}

/** A file that somebody chose, or anything else that browsers hold without having read it. */
export function fromBlob(blob: BlobLike): RandomAccess {
  const name = blob.name || "blob";
  const { size } = blob;
  const read = async (offset: number, length: number) => {
    const part = blob.slice(offset, offset + length).arrayBuffer();
    return new Uint8Array(await part.catch((cause: unknown) => {
      throw isGone(cause) ? new NtfscloneError("changed", `${name} was changed, moved or deleted since it was opened, or may no longer be read: open it again`, { offset, cause }) : cause;
    }));
  };
  return {
    name,
    size,
    read,
    ...(isBlob(blob) && {
      blobs: [blob],
      async checkUnchanged() {
        // Browsers notice it at the next read: what was read before may be kept.
        await read(0, Math.min(size, 1));
      },
    }),
  };
}

/** What browsers say of a file that is no longer the one that was chosen. */
function isGone(cause: unknown): boolean {
  return cause instanceof Error && (cause.name === "NotReadableError" || cause.name === "NotFoundError");
}

/** Whether the platform made it: others have the methods, too. */
function isBlob(blob: BlobLike): blob is BlobLike & Blob {
  return typeof Blob !== "undefined" && blob instanceof Blob;
}

interface BlobPart {
  arrayBuffer(): Promise<ArrayBuffer>;
}
