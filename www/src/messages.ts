import type { Disk, ErrorCode, Holder, Info, Partition, Progress, Remains, Report, Resized, ResizeLimits, SurveyedStream, Target } from "ntfsclone";
import type { Counted, Squares } from "./kinds.js";
import type { Sidecar } from "./sidecars.js";
import type { Structure } from "./structures/locate.js";

/** What the page asks of the worker, and what comes back. */
export interface Calls {
  /** Opens it in the place of what was open. */
  open: { question: Opening; answer: Info };
  /** Which clusters are in use, and, after a survey, whose they are. */
  squares: { question: Squares; answer: Counted & Looked };
  /** Looks at all files in use, for what follows. */
  survey: { question: null; answer: Found };
  list: { question: Listing; answer: Listed };
  rows: { question: Listing & { from: number; length: number }; answer: Row[] };
  /** The first row from one on, and round to it, whose name begins so. */
  seek: { question: Listing & { prefix: string; from: number }; answer: number | null };
  /** The row of a file, by its record. */
  rowOf: { question: Listing & { record: number }; answer: number | null };
  /** The IDs of all rows. */
  ids: { question: Listing; answer: Uint32Array<ArrayBuffer> };
  /** All rows, for other programs. */
  exportList: { question: Listing & { format: ListFormat }; answer: Blob };
  /** What the record of a file says of it; null if that cannot be told. */
  details: { question: number; answer: Details | null };
  /** The first bytes of a file. */
  preview: { question: Preview; answer: Uint8Array<ArrayBuffer> };
  /** The SHA-256 of the content of a file. */
  hash: { question: number; answer: string };
  /** A file, by its record. */
  file: { question: number; answer: FileFacts | null };
  /** Whose these clusters are. */
  holders: { question: Cluster; answer: Holders };
  /** What a byte of the volume is in. */
  inspect: { question: number; answer: Inspected };
  validate: { question: Validation; answer: Report };
  /** The record of a file, by its path in a report. */
  recordOf: { question: string; answer: number | null };
  /** What a metadata image would hold. */
  remains: { question: null; answer: Remains };
  /** What another size of the volume needs, and loses. */
  resizeLimits: { question: null; answer: ResizeLimits };
  /** The bytes that a conversion would make; null if that is known only when it is made. */
  size: { question: Form; answer: number | null };
  convert: { question: Conversion; answer: Converted };
  /** The content of a file, or of one of its streams. */
  content: { question: Content; answer: Written };
  /** Files and folders with all that is in them. */
  takeOut: { question: Takeout; answer: Taken };
  bytes: { question: Place; answer: Bytes };
  close: { question: null; answer: null };
}

export type Call = keyof Calls;

export interface Opening {
  /** One file, or the pieces of one, in order; or those of one virtual disk. */
  files: File[];
  /** The files are those of one virtual disk, which find each other by their names. */
  areOneDisk: boolean;
  name: string;
  /** Null lists the partitions of a disk; without it, the only one with NTFS is opened. */
  partition?: Partition | null | undefined;
}

/** What to compare all bytes with, beside what the file itself has. */
export interface Validation {
  sidecars: Sidecar[];
}

/** How far it could be looked into. */
export interface Looked {
  /** Where it ends: of an image, what comes after the damage is not known. */
  damage: string | null;
}

/** What a survey found. */
export interface Found extends Looked {
  /** Files and folders, without those of the file system. */
  files: number;
  /** The whole volume as one square. */
  whole: Counted;
  /** The volume is in so many pieces that not of all of them it is kept whose they are. */
  isCut: boolean;
}

/** A file or folder. Of the names, none is to be trusted; null where no record tells one. */
export interface Step {
  record: number;
  name: string | null;
}

export interface Entry extends Step {
  /** Its own, while this is open: a file may have several names. */
  id: number;
  holder: Holder;
  isFolder: boolean;
  /** The image does not have all its clusters. */
  isIncomplete: boolean;
  /** It leads to something else, and has no content of its own. */
  isLink: boolean;
  /** How many named streams it has, beside its content. */
  streams: number;
  /** When its content was changed, in milliseconds since 1970. */
  modified: number | null;
  /** Bytes of its content. */
  size: number;
  /** Bytes on the disk, of a folder with all that is in it. */
  room: number;
  /** How many files and folders are in it, at any depth. */
  inside: number;
  /** How many of the files in it are incomplete, at any depth. */
  incompleteInside: number;
  /** It is the file system's own, or in a folder that is. */
  isSystem: boolean;
}

/** By what a list is sorted. */
export const SORTS = ["name", "size", "room", "modified"] as const;

export interface Sort {
  by: (typeof SORTS)[number];
  isDescending: boolean;
}

/** What is searched for, in a folder and all folders in it. */
export interface Search {
  /** Words, or a form with `*` and `?`, of names; of paths if it has a slash. */
  text: string;
  /** Bytes of the content, at least and at most. */
  least: number | null;
  most: number | null;
  /** In milliseconds since 1970: changed since then, and before then. */
  since: number | null;
  until: number | null;
}

/** Which files are in a list, and in which order. */
export interface Listing {
  /** The record of a folder. */
  folder: number;
  /** All that is in the folder if nothing is searched for. */
  search: Search | null;
  /** With what is the file system's own. */
  hasSystem: boolean;
  sort: Sort;
}

/** A list, without its rows. */
export interface Listed {
  /** The folders on the way to the folder, and itself, without the root. */
  path: Step[];
  folder: Entry;
  /** How many rows it has. */
  length: number;
  /** How many files and folders are in these, with themselves. */
  inside: number;
  /** Bytes that all of them have on the disk. */
  room: number;
  /** Some of those that take the most room, the largest first; of a folder only. */
  largest: Entry[];
}

export interface Row extends Entry {
  /** From the root on; of what was searched for only. */
  path: Step[] | null;
}

export interface FileFacts {
  entry: Entry;
  streams: SurveyedStream[];
  path: Step[];
  /** The record of the folder it is in. */
  folder: number;
  /** Its first pieces, in the order of clusters. */
  runs: Cluster[];
  /** In how many pieces it is. */
  pieces: number;
  /** All names that it has, if it has several: hard links. */
  names: Step[][];
}

/** The formats of lists for other programs. */
export type ListFormat = "csv" | "json";

/** What the record of a file says of it, in words. */
export interface Details {
  sequence: string;
  attributes: string;
  /** ISO 8601, to the 100 ns; of `$STANDARD_INFORMATION`, then of `$FILE_NAME`. */
  times: { name: string; standard: string; fileName: string | null }[];
  securityId: string | null;
  links: string;
}

export interface Preview {
  record: number;
  /** Bytes at most. */
  most: number;
}

/** Consecutive clusters. */
export interface Cluster {
  lcn: number;
  length: number;
}

export interface Holders {
  /** Those that have the most of them. */
  files: { path: Step[]; record: number; holder: Holder }[];
  /** How many others have some, too. */
  others: number;
}

export interface Inspected {
  /** Of the volume's structures, the one that has it. */
  structure: Structure | null;
  /** Whose its cluster is; null before a survey. */
  holders: Holders | null;
}

/** What is made by a conversion. */
export interface Form {
  target: Target;
  /** The whole disk is converted, instead of the partition that is open. */
  isWhole: boolean;
  /** The partition table of a new disk; null if the format holds a volume alone, and of a whole disk. */
  disk: Disk | null;
  /** Bytes of the volume in another size, or the least; null for its own. */
  newSize: number | "min" | null;
}

export interface Conversion extends Form {
  /** Of the compression; null without one. */
  level: number | null;
  output: Output;
}

export type Output =
  | { kind: "file"; handle: FileSystemFileHandle }
  /** To the service worker, which makes a download of it: of about so many bytes, if that is known. */
  | { kind: "download"; port: MessagePort; about: number | null };

export interface Written {
  size: number;
  /** Bytes of `size` that were not written: zeros. */
  holes: number;
}

export interface Converted extends Written {
  /** What was changed, if the volume got another size. */
  resized: Resized | null;
}

export interface Content {
  record: number;
  /** The name of a stream, instead of the content itself. */
  stream: string | null;
  output: Output;
}

export interface Takeout {
  /** The record of a folder, of which all is taken; or the IDs of files and folders. */
  what: { folder: number } | { ids: Uint32Array<ArrayBuffer> };
  /** Leaves out files that cannot be read, instead of making nothing. */
  leavesOut: boolean;
  /** With what is the file system's own. */
  hasSystem: boolean;
  to: Archive | Directory;
}

export interface Archive {
  format: "zip" | "tar";
  output: Output;
}

/** A folder of that name is made in the directory, or one with a number behind it. */
export interface Directory {
  format: "folder";
  handle: FileSystemDirectoryHandle;
  name: string;
}

export interface Taken extends Written {
  /** What the new folder is called; null of archives. */
  folder: string | null;
  files: number;
  /** Links, which have no content. */
  links: number;
  /** Files that are not in it. */
  unreadable: Unreadable[];
  renamed: {
    /** How many names are not safe on every system, and were changed. */
    length: number;
    first: Renamed[];
    /** What in the archive lists all of them. */
    list: string;
  };
}

/** A file or folder that has another name in an archive. */
export interface Renamed {
  path: Step[];
  name: string;
}

/** A file whose content cannot be had, and why. */
export interface Unreadable {
  path: Step[];
  message: string;
}

export interface Place {
  of: Whole;
  offset: number;
  length: number;
}

export type Whole = "file" | "volume";

export interface Bytes {
  /** What is not there are zeros here. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Parts that are not there, from the start of `bytes`. */
  absent: { start: number; end: number }[];
}

/** An error on its way from the worker. */
export interface Problem {
  code: ErrorCode | "aborted" | "unreadable" | "sidecar" | "other";
  message: string;
  /** Of `unreadable`: which files, or the first of them. */
  unreadable?: Unreadable[] | undefined;
  partitions?: Partition[] | undefined;
}

export type ToWorker =
  | { [K in Call]: { id: number; call: K; question: Calls[K]["question"] } }[Call]
  | { id: number; call: "abort" };

/** What the worker found, and what of it moves instead of being copied. */
export interface Answer<T = unknown> {
  answer: T;
  transfer?: Transferable[];
}

export type FromWorker =
  | { id: number; progress: Progress }
  | { id: number; answer: unknown }
  | { id: number; problem: Problem };
