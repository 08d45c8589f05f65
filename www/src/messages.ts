import type { ErrorCode, Info, Partition, Progress, Report, SurveyedFile, Target } from "ntfsclone";

/** What the page asks of the worker, and what comes back. */
export interface Calls {
  /** Opens it in the place of what was open. */
  open: { question: Opening; answer: Info };
  extents: { question: null; answer: Extents };
  /** All files in use. */
  survey: { question: null; answer: SurveyedFile[] };
  validate: { question: null; answer: Report };
  convert: { question: Conversion; answer: Written };
  bytes: { question: Place; answer: Bytes };
  close: { question: null; answer: null };
}

export type Call = keyof Calls;

export interface Opening {
  /** One file, or the pieces of one, in order. */
  files: File[];
  name: string;
  partition?: Partition | undefined;
}

/** Consecutive clusters in use, in order: of each, three numbers at the same index. */
export interface Extents {
  lcns: Float64Array;
  lengths: Float64Array;
  /** Where they are, in bytes of the image or volume. */
  offsets: Float64Array;
}

export interface Conversion {
  target: Target;
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
  code: ErrorCode | "write" | "aborted" | "other";
  message: string;
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
