export type {
  BadClusters,
  Finding,
  FindingCode,
  Place,
  Holder,
  ImageSummary,
  Info,
  ListedStream,
  Loss,
  Made,
  Remains,
  Report,
  ResizeLimits,
  Resized,
  Run,
  Sensitive,
  SurveyedFile,
  SurveyedName,
  SurveyedStream,
  Usage,
  VolumeSummary,
  Wiped,
} from "./documents.js";
export { NtfscloneError, type ErrorCode, type ErrorDetails, type Partition } from "./error.js";
export { FileBlob } from "./file-blob.js";
export { FileEntry, type FileKind, type FileTarget } from "./file-entry.js";
export { FileError, type FileErrorCode } from "./file-error.js";
export type { Saved, WritableFile, WritableFileHandle } from "./file-output.js";
export { formats, type Disk, type Format, type Target } from "./formats.js";
export { Image, type Extent, type Held, type Surveyed } from "./image.js";
export type {
  BlobOptions,
  ContentOptions,
  ConvertDiskOptions,
  ConvertOptions,
  Hole,
  InitInput,
  ListOptions,
  LookOptions,
  OpenDiskOptions,
  OpenOptions,
  Progress,
  SaveDiskOptions,
  SaveOptions,
  TaskOptions,
  WebAssemblyModule,
} from "./options.js";
export type { BlobLike, FileSystemFileHandleLike } from "./sources/blob.js";
export type { CustomSource } from "./sources/custom.js";
export type { ImageSource } from "./sources/source.js";
export { WholeDisk } from "./whole-disk.js";
