import type { BlobLike, FileSystemFileHandleLike } from "./blob.js";
import type { CustomSource } from "./custom.js";

/** What can be opened everywhere. A `URL` is of a server that sends parts of files. */
export type ImageSource = BlobLike | FileSystemFileHandleLike | Uint8Array | ArrayBuffer | URL | CustomSource;

/** Something that can be read at any place: what every kind of source becomes. */
export interface RandomAccess {
  /** What reports and errors call it. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** The bytes from `offset`, `length` of them; never more than there are. */
  read(offset: number, length: number, signal: AbortSignal): Uint8Array | Promise<Uint8Array>;
  /** The same bytes as Blobs that follow each other: in a worker, the module reads them by itself, and `read` reports why they cannot be read. */
  readonly blobs?: Blob[];
  /** The same at once, into memory of the module, which is the caller's again afterwards. Returns how many bytes there were. */
  readInto?(offset: number, memory: Uint8Array): number;
  /** Takes back the memory of what `read` gave, which is no longer needed. */
  takeBack?(bytes: Uint8Array): void;
  /** Rejects if it was changed since it was opened. */
  checkUnchanged?(): Promise<void>;
  /** Gives back what was opened for it. */
  close?(): Promise<void>;
}
