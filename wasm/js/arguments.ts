import { NtfscloneError } from "./error.js";
import type {
  BlobOptions,
  ContentOptions,
  ConvertDiskOptions,
  ConvertOptions,
  ListOptions,
  LookOptions,
  OpenDiskOptions,
  OpenOptions,
  SaveDiskOptions,
  SaveOptions,
  TaskOptions,
} from "./options.js";

/** What an option takes, in words, and whether a value is that. */
type Check = readonly [takes: string, accepts: (value: unknown) => boolean];

/** A check for each option: one that is missing here does not compile. */
type Checks<Options> = { readonly [Option in keyof Required<Options>]: Check };

const isA =
  (type: "boolean" | "string" | "function") =>
  (value: unknown): boolean =>
    typeof value === type;
const FLAG: Check = ["true or false", isA("boolean")];
const TEXT: Check = ["a string", isA("string")];
const CALLBACK: Check = ["a function", isA("function")];
const POSITION: Check = ["a whole number from 0 on", isWhole];
const SIGNAL: Check = [
  "an AbortSignal",
  (value) => typeof (value as AbortSignal)?.addEventListener === "function" && "aborted" in (value as AbortSignal),
];

export const TASK: Checks<TaskOptions> = { signal: SIGNAL, onProgress: CALLBACK };
export const OPEN_DISK: Checks<OpenDiskOptions> = {
  ...TASK,
  name: TEXT,
  index: ["a Uint8Array", (value) => value instanceof Uint8Array],
  onIndex: CALLBACK,
  sync: FLAG,
};
export const OPEN: Checks<OpenOptions> = {
  ...OPEN_DISK,
  partition: ["the number of a partition, or null", (value) => value === null || (isWhole(value) && value < 2 ** 32)],
};
export const LOOK: Checks<LookOptions> = { ...TASK, damaged: FLAG };
export const LIST: Checks<ListOptions> = { ...LOOK, system: FLAG, onDamage: CALLBACK };
export const CONTENT: Checks<ContentOptions> = { ...LOOK, stream: TEXT, start: POSITION, end: POSITION, efsRaw: FLAG };
export const BLOB: Checks<BlobOptions> = { ...LOOK, stream: TEXT, type: TEXT };
export const SAVE_DISK: Checks<SaveDiskOptions> = {
  ...TASK,
  compress: ["true, false or a level from 1 to 22", (value) => isA("boolean")(value) || (isWhole(value) && value > 0 && value < 23)],
  time: ["a Date or null", (value) => value === null || (value instanceof Date && !Number.isNaN(value.getTime()))],
  note: TEXT,
  source: ["a string or null", (value) => value === null || isA("string")(value)],
  force: FLAG,
  onSize: CALLBACK,
};
export const SAVE: Checks<SaveOptions> = {
  ...SAVE_DISK,
  disk: TEXT,
  size: ["a whole number from 0 on, or \"min\"", (value) => value === "min" || isWhole(value)],
  onResized: CALLBACK,
};
export const CONVERT_DISK: Checks<ConvertDiskOptions> = { ...SAVE_DISK, holes: FLAG, reuse: FLAG };
export const CONVERT: Checks<ConvertOptions> = { ...SAVE, holes: FLAG, reuse: FLAG };

/**
 * Returns the options, if all of them are known and what they take. Others would be ignored, or be errors within the
 * module.
 */
export function checked<Options extends object>(options: Options, checks: Checks<Options>): Options {
  if (typeof options !== "object" || options === null) {
    throw new NtfscloneError("argument", `options are an object, not ${shown(options)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) {
      continue;
    }
    if (!Object.hasOwn(checks, name)) {
      throw new NtfscloneError("argument", `there is no option ${name} here: there are ${Object.keys(checks).join(", ")}`);
    }
    const [takes, accepts] = checks[name as keyof Options];
    if (!accepts(value)) {
      throw new NtfscloneError("argument", `the option ${name} is ${takes}, not ${shown(value)}`);
    }
  }
  return options;
}

/** A position or length, as the module takes it. */
export function whole(number: number | bigint): bigint {
  if (typeof number === "bigint" ? number >= 0n && number < 1n << 64n : isWhole(number)) {
    return BigInt(number);
  }
  throw new NtfscloneError("argument", `${shown(number)} is not a whole number from 0 on`);
}

/** A string, as the module takes it. */
export function text(value: string, what: string): string {
  if (typeof value !== "string") {
    throw new NtfscloneError("argument", `${what} is a string, not ${shown(value)}`);
  }
  return value;
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A value in a message. Objects may have any text, and some have none. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "bigint":
      return `${value}n`;
    case "object":
      return value === null ? "null" : "an object";
    case "function":
    case "symbol":
      return `a ${typeof value}`;
    default:
      return String(value);
  }
}
