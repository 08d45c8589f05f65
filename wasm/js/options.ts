import type { Resized } from "./documents.js";
import type { FileError } from "./file-error.js";
import type { Disk } from "./formats.js";

/** Where the WebAssembly module comes from: its address, an answer that carries it, its bytes, or itself compiled. */
export type InitInput = URL | string | Response | ArrayBuffer | Uint8Array | WebAssemblyModule;

/** `WebAssembly.Module`, where it is known: without the types of the DOM it is not. */
export type WebAssemblyModule = typeof globalThis extends { WebAssembly: { Module: new (...of: never) => infer Module } }
  ? Module
  : never;

/** How far something is: what is counted, bytes or records, depends on what is under way. */
export interface Progress {
  done: number;
  /** In all; what comes next may be counted anew. */
  total: number;
}

/** What can be asked of everything that takes time. */
export interface TaskOptions {
  /** Stops it, also in the middle of a read, and frees what it holds. The error is then the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Is called at the start, some ten times a second, and at the end. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

export interface OpenOptions extends TaskOptions {
  /** What reports and errors call it, instead of the file's name, path or address. */
  name?: string | undefined;
  /**
   * Of a whole disk, the number of the partition. If it is left out, the only partition with NTFS is opened, which `info().warnings`
   * reports. If it is null, none is opened: the error is `disk`, and lists the partitions, as of a disk with several or without NTFS.
   */
  partition?: number | null | undefined;
  /** Of a compressed file, its index (`docs/side-index.md`), as `onIndex` or the program's `--index` made it. One of another file is not used. */
  index?: Uint8Array | undefined;
  /** Is called with the index of a compressed file, if one was made. With it, the file opens without being read as a whole. */
  onIndex?: ((index: Uint8Array<ArrayBuffer>) => void) | undefined;
  /**
   * In Node, Deno and Bun: files are read while all else waits, which takes less time of the processor. For programs that have nothing
   * else to do.
   */
  sync?: boolean | undefined;
}

/** What can be asked of a disk that is opened as a whole. */
export type OpenDiskOptions = Omit<OpenOptions, "partition">;

/** What can be asked of everything that looks into an image or volume. */
export interface LookOptions extends TaskOptions {
  /**
   * Of an image or volume that is damaged or cut short, what comes before that is looked at, without an error. Of a volume whose account
   * of its clusters is wrong, `extents()` tells what its files have.
   */
  damaged?: boolean | undefined;
}

export interface ContentOptions extends LookOptions {
  /** The name of a stream, instead of the content of the file itself. */
  stream?: string | undefined;
  /** The first byte. */
  start?: number | undefined;
  /** The byte after the last one, as of `Blob.slice`. It may be past the end of the content. */
  end?: number | undefined;
  /**
   * An encrypted file (EFS) as Windows backs it up: in the EFSRPC raw data format, with all its streams and its encrypted
   * keys, whatever `stream` is. `WriteEncryptedFileRaw` of Windows makes the encrypted file of it again.
   */
  efsRaw?: boolean | undefined;
}

/** What can be asked of lists of files. */
export interface ListOptions extends LookOptions {
  /** Whether the file system's own files, such as `$MFT`, are listed. */
  system?: boolean | undefined;
  /**
   * Is called with each directory whose index is damaged. If its entries can be taken from elsewhere, they follow; if not,
   * the others do. Without it, a directory that cannot be listed is an error.
   */
  onDamage?: ((error: FileError) => void) | undefined;
}

/** What can be asked of a file as a blob. */
export interface BlobOptions extends LookOptions {
  /** The name of a stream, instead of the content of the file itself. */
  stream?: string | undefined;
  /** The media type, such as `image/png`. */
  type?: string | undefined;
}

export interface ConvertOptions extends TaskOptions {
  /** The partition table of the disk that the volume is written into. */
  disk?: Disk | undefined;
  /**
   * Gives the volume another size, in bytes with its backup boot sector; `"min"` is the least that its files need. Not of
   * metadata. `resizeLimits()` finds what is possible, and what is lost.
   */
  size?: number | "min" | undefined;
  /** Compresses it with zstd: a level from 1 to 22, or `true` for 3. Any part of the result can be read by itself. */
  compress?: boolean | number | undefined;
  /** The time that a compressed result tells; null for none, so that two runs make the same. Now without it. */
  time?: Date | null | undefined;
  /** A note that a compressed result tells. */
  note?: string | undefined;
  /** What a compressed result tells that it was made from; null for nothing. Without it, what reports call the image. */
  source?: string | null | undefined;
  /**
   * Whether a volume that is marked dirty is converted as it is, and one in another size without what does not survive
   * that; otherwise that is refused.
   */
  force?: boolean | undefined;
  /** Whether zeros that need not be written come as {@link Hole} instead of bytes. */
  holes?: boolean | undefined;
  /**
   * Whether the memory of a piece is used again for the next one, which is faster: for those who are done with one
   * before they ask for another. `pipeTo` is not.
   */
  reuse?: boolean | undefined;
  /**
   * Is called before the first piece with the size of the result, if that is known: not of VMDK, nor of what is
   * compressed, nor of an image of ntfsclone that stays one.
   */
  onSize?: ((size: number) => void) | undefined;
  /** Is called before the first piece with what was changed, if the volume gets another size. */
  onResized?: ((resized: Resized) => void) | undefined;
}

/** What can be asked of a conversion that is saved into a file: it always has holes. */
export type SaveOptions = Omit<ConvertOptions, "holes" | "reuse">;

/** The same of a whole disk. */
export type SaveDiskOptions = Omit<ConvertDiskOptions, "holes" | "reuse">;

/** What can be asked of the conversion of a whole disk: its partition table and the sizes of its volumes stay. */
export type ConvertDiskOptions = Omit<ConvertOptions, "disk" | "size" | "onResized">;

/** So many zero bytes, which a writer may leave out: a file has a hole there. */
export interface Hole {
  hole: number;
}
