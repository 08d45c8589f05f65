import { NtfscloneError, type ErrorCode } from "./error.js";

/** What kind of error it is, as `node:fs` names them. */
export type FileErrorCode =
  /** There is no such file, or the file has no such stream. */
  | "ENOENT"
  /** It is not a directory, and has no entries. */
  | "ENOTDIR"
  /** It is a directory, and has no content. */
  | "EISDIR"
  /** It is a link. Links are not followed: they may lead to other volumes. */
  | "ELOOP"
  /** The content is encrypted by Windows (EFS). */
  | "EACCES"
  /** The content is kept as only a driver of Windows knows, or it is beyond what this library handles. */
  | "ENOTSUP"
  /** An argument is not what it should be; or `efsRaw` was given for a file that is not encrypted. */
  | "EINVAL"
  /** The image is closed. */
  | "EBADF"
  /** There is not enough memory. */
  | "ENOMEM"
  /** It is damaged, or not in the image, or the source cannot be read: `cause` says which. */
  | "EIO";

const CODES: Partial<Record<ErrorCode, FileErrorCode>> = {
  "no-file": "ENOENT",
  "no-stream": "ENOENT",
  "not-directory": "ENOTDIR",
  directory: "EISDIR",
  link: "ELOOP",
  encrypted: "EACCES",
  "not-encrypted": "EINVAL",
  elsewhere: "ENOTSUP",
  unsupported: "ENOTSUP",
  argument: "EINVAL",
  closed: "EBADF",
  memory: "ENOMEM",
};

/** What functions that take a path throw or reject with, but for the reason of an `AbortSignal`. */
export class FileError extends Error {
  /** What kind of error it is: for programs. */
  readonly code: FileErrorCode;
  /** The path. */
  readonly path: string;
  /** The library's own error, whose `code` is finer. */
  declare readonly cause: NtfscloneError;

  constructor(path: string, cause: NtfscloneError) {
    const code = CODES[cause.code] ?? "EIO";
    super(`${code}: ${cause.message}, '${path}'`, { cause });
    this.code = code;
    this.path = path;
  }

  static {
    this.prototype.name = "FileError";
  }
}

/** An error of the library as one of that path. The reason of a signal stays what it is. */
export function ofPath(error: unknown, path: string): unknown {
  return error instanceof NtfscloneError ? new FileError(path, error) : error;
}
