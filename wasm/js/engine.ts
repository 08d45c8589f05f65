import { resetCodecs } from "./codecs.js";
import bind, * as bindings from "./ntfsclone.js";
import { NtfscloneError, type ErrorCode } from "./error.js";
import type { InitInput } from "./options.js";

let loading: Promise<void> | undefined;
/** Counts instances of the module: what belongs to an earlier one is lost. */
let instance = 0;
let isCrashed = false;

/** Loads the module, once. A new attempt follows a failed one, and a new instance one that crashed. */
export async function load(input: () => InitInput | Promise<InitInput>): Promise<void> {
  loading ??= instantiate(input).catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  await loading;
  if (isCrashed) {
    bindings.__wbg_reset_state();
    resetCodecs();
    isCrashed = false;
  }
}

async function instantiate(input: () => InitInput | Promise<InitInput>): Promise<void> {
  try {
    await bind({ module_or_path: (await input()) as bindings.InitInput });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NtfscloneError("load", `the WebAssembly module cannot be loaded: ${reason}`, { cause });
  }
}

/** The instance of the module that something belongs to. */
export class Engine {
  readonly #instance = instance;

  /** Calls into the module. Whatever it throws is a {@link NtfscloneError}. */
  call<T>(work: (module: typeof bindings) => T): T {
    if (this.isLost) {
      throw new NtfscloneError("crashed", "the library crashed while this image was open: open it again");
    }
    try {
      return work(bindings);
    } catch (thrown) {
      throw isOfRust(thrown) ? fromRust(thrown) : this.#crash(thrown);
    }
  }

  /** Gives back what the module holds. Of a lost instance all is gone already. */
  free(object: { free(): void } | undefined): void {
    if (object && !this.isLost) {
      object.free();
    }
  }

  get isLost(): boolean {
    return this.#instance !== instance;
  }

  /** After a trap nothing in the module's memory can be trusted. */
  #crash(cause: unknown): NtfscloneError {
    instance += 1;
    isCrashed = true;
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new NtfscloneError("crashed", `a defect in the library: ${reason}`, { cause });
  }
}

/** What the module throws on purpose. */
interface RustError {
  code: ErrorCode;
  message: string;
  offset?: bigint;
  compression?: string;
  partitions?: { number: number; offset: bigint; size: bigint; isNtfs: boolean }[];
}

function isOfRust(thrown: unknown): thrown is RustError {
  return typeof thrown === "object" && thrown !== null && !(thrown instanceof Error) && "code" in thrown;
}

function fromRust({ code, message, offset, compression, partitions }: RustError): NtfscloneError {
  return new NtfscloneError(code, message, {
    offset: offset === undefined ? undefined : Number(offset),
    compression,
    partitions: partitions?.map(({ offset, size, ...partition }) => ({
      ...partition,
      offset: Number(offset),
      size: Number(size),
    })),
  });
}
