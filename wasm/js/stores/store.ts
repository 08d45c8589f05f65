import type { RandomAccess } from "../sources/source.js";

/** Where bytes are kept that come once, from their start to their end, to be read anywhere later. */
export interface Store {
  /** Where that is, as errors call it. */
  readonly where: string;
  /** Keeps bytes. What lies between those is zero. They may be used again afterwards. */
  write(bytes: Uint8Array<ArrayBuffer>, position: number): void | Promise<void>;
  /** All is kept: so many bytes. */
  finish(size: number): Promise<Kept>;
  /** Gives back all of it, whether or not it was finished. */
  remove(): Promise<void>;
}

/** What can be read now. */
export type Kept = Pick<RandomAccess, "read" | "readInto">;

export type NewStore = () => Promise<Store>;
