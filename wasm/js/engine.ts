import { freeCodecs } from "./codecs.js";
import { loadDeferred } from "./deferred.js";
import bind, * as bindings from "./ntfsclone.js";
import { NtfscloneError, type ErrorCode, type Partition } from "./error.js";
import type { InitInput } from "./options.js";
import { WasmModule } from "./wasm-module.js";

type Input = () => InitInput | Promise<InitInput>;

/** Where the deferred part of the module comes from. */
let deferredInput: Input | undefined;

const module = new WasmModule<bindings.InitInput>("the library", bind, () => {
  bindings.__wbg_reset_state();
  freeCodecs();
});

/** Loads the module. Only the first call's `deferred` counts. */
export function load(input: Input, deferred: Input): Promise<void> {
  deferredInput ??= deferred;
  return module.load(input);
}

/** The instance of the module that something belongs to. */
export class Engine {
  readonly #instance = module.instance;

  /** Calls into the module. Whatever it throws is a {@link NtfscloneError}. */
  call<T>(work: (module: typeof bindings) => T): T {
    if (this.isLost) {
      throw new NtfscloneError("crashed", "the library crashed while this image was open: open it again");
    }
    try {
      return work(bindings);
    } catch (thrown) {
      throw isOfRust(thrown) ? fromRust(thrown) : this.#defect(thrown);
    }
  }

  /**
   * What is wrong if the module threw something else than its errors. The bindings throw a `TypeError` where an argument
   * is of another type: the module was not entered, and other images stay open.
   */
  #defect(thrown: unknown): NtfscloneError {
    if (thrown instanceof TypeError) {
      return new NtfscloneError("argument", `an argument is of another type: ${thrown.message}`, { cause: thrown });
    }
    return module.crash(thrown);
  }

  /** Loads the deferred part of the module, if the instance is without it. */
  async loadDeferred(): Promise<void> {
    // It is loaded: nothing is loaded again, and its exports are returned.
    const exports = await this.call(({ default: bind }) => bind({ module_or_path: "" }));
    await loadDeferred(exports as unknown as WebAssembly.ModuleImports, deferredInput!);
  }

  /** Gives back what the module holds. Of a lost instance all is gone already. */
  free(object: { free(): void } | undefined): void {
    if (object && !this.isLost) {
      object.free();
    }
  }

  get isLost(): boolean {
    return this.#instance !== module.instance;
  }
}

/** What the module throws on purpose. */
interface RustError {
  code: ErrorCode;
  message: string;
  offset?: bigint;
  compression?: string;
  partitions?: RustPartition[];
  file?: string;
}

interface RustPartition {
  number: number;
  offset: bigint;
  size: bigint;
  isNtfs: boolean;
}

/** Partitions as the module lists them. */
export function partitionsOf(list: RustPartition[]): Partition[] {
  return list.map(({ offset, size, ...partition }) => ({ ...partition, offset: Number(offset), size: Number(size) }));
}

function isOfRust(thrown: unknown): thrown is RustError {
  return typeof thrown === "object" && thrown !== null && !(thrown instanceof Error) && "code" in thrown;
}

function fromRust({ code, message, offset, compression, partitions, file }: RustError): NtfscloneError {
  return new NtfscloneError(code, message, {
    offset: offset === undefined ? undefined : Number(offset),
    compression,
    partitions: partitions && partitionsOf(partitions),
    file,
  });
}
