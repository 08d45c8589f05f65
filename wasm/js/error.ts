/** What kind of error it is: the library's codes in Rust, then those of the JavaScript around it. */
export type ErrorCode =
  /** The source could not be read; `cause` is what it threw. */
  | "read"
  /** What was read breaks the rules of its format. */
  | "corrupt"
  /** It is a virtual disk in several files, and `file` is missing: open them together. */
  | "needs-file"
  /** It is sound, and beyond what this library handles. */
  | "unsupported"
  /** A size in it is beyond what is there, or beyond a limit. */
  | "limit"
  /** It cannot be decompressed. */
  | "compressed-data"
  /** There is not enough memory to keep track of something. */
  | "memory"
  /** It is compressed more often than is decompressed here: `compression` is which. */
  | "not-seekable"
  /** It is neither an image of ntfsclone nor a volume of NTFS. */
  | "not-ntfs"
  /** It is a whole disk: `partitions` lists what can be opened. */
  | "disk"
  /** The disk has no such partition. */
  | "no-partition"
  /** The volume is damaged so that a copy of it would not be whole. */
  | "inconsistent"
  /** It cannot be converted into that. */
  | "target"
  /** There is no such file. */
  | "no-file"
  /** The file has no such stream; or none without a name, like some of the file system's own files. */
  | "no-stream"
  /** It is a directory, which has no content. */
  | "directory"
  /** It is not a directory, and has no entries. */
  | "not-directory"
  /** It is a link, which has no content of its own. */
  | "link"
  /** The content of the file is encrypted, by Windows (EFS). */
  | "encrypted"
  /** The content of the file is to be read with `efsRaw`, and is not encrypted. */
  | "not-encrypted"
  /** The content of the file is kept as only a driver of Windows knows: deduplicated, in a cloud, or in an image of Windows. */
  | "elsewhere"
  /** The image does not hold the content: it is one of metadata, or damaged. */
  | "not-stored"
  /** The image was closed, or closed while something was under way. */
  | "closed"
  /** The server does not send parts of the file. */
  | "no-ranges"
  /** The file changed since it was opened: on the server, or by another program. */
  | "changed"
  /** There is no room to keep what had to be decompressed; `cause` is why. */
  | "storage"
  /** The file that `save` writes could not be written, for instance since there is no room; `cause` is why. */
  | "write"
  /** The argument is nothing that can be read, or no number that it could be. */
  | "argument"
  /** The WebAssembly module could not be loaded; `cause` says why. */
  | "load"
  /**
   * A defect in the library: all open images are lost, and the next `open` begins anew. In a decoder or compressor,
   * which are loaded when they are needed, only what was being opened or made with it is lost.
   */
  | "crashed";

/** Of a whole disk. */
export interface Partition {
  /** What the option `partition` of `open` takes. */
  number: number;
  /** In bytes from the start of the disk. */
  offset: number;
  /** In bytes. */
  size: number;
  isNtfs: boolean;
}

/** What is known of an error, beside its code and message. */
export interface ErrorDetails {
  offset?: number | undefined;
  compression?: string | undefined;
  partitions?: Partition[] | undefined;
  file?: string | undefined;
  cause?: unknown;
}

/** What every function of this package throws or rejects with, but for the reason of an `AbortSignal`. */
export class NtfscloneError extends Error {
  /** What kind of error it is: for programs. */
  readonly code: ErrorCode;
  /** Where in the source, in bytes from its start, if it is at one place. */
  readonly offset: number | undefined;
  /** Of what can be read from its start to its end only, how it is compressed. */
  readonly compression: string | undefined;
  /** Of a whole disk of which no partition is opened: none was named, or there is none with that number. */
  readonly partitions: Partition[] | undefined;

  /** Of a virtual disk in several files, the one that is missing, as the disk names it: any text. */
  readonly file: string | undefined;

  constructor(code: ErrorCode, message: string, { offset, compression, partitions, file, cause }: ErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.offset = offset;
    this.compression = compression;
    this.partitions = partitions;
    this.file = file;
  }

  static {
    this.prototype.name = "NtfscloneError";
  }
}
