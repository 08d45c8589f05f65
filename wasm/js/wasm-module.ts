import { NtfscloneError } from "./error.js";
import type { InitInput } from "./options.js";

/** A WebAssembly module, which is loaded once. After a crash its memory cannot be trusted: the next load makes a new instance. */
export class WasmModule<Input> {
  readonly #name: string;
  readonly #bind: (options: { module_or_path: Input }) => Promise<unknown>;
  readonly #reset: () => void;
  #loading: Promise<void> | undefined;
  #instance = 0;
  #isCrashed = false;

  /** `bind` and `reset` are what wasm-bindgen makes for the module that messages call `name`. */
  constructor(name: string, bind: (options: { module_or_path: Input }) => Promise<unknown>, reset: () => void) {
    this.#name = name;
    this.#bind = bind;
    this.#reset = reset;
  }

  /** Loads the module. A new attempt follows a failed one. */
  async load(input: () => InitInput | Promise<InitInput>): Promise<void> {
    this.#loading ??= this.#instantiate(input).catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    await this.#loading;
    if (this.#isCrashed) {
      this.#reset();
      this.#isCrashed = false;
    }
  }

  async #instantiate(input: () => InitInput | Promise<InitInput>): Promise<void> {
    try {
      await this.#bind({ module_or_path: (await input()) as Input });
    } catch (cause) {
      throw new NtfscloneError("load", `${this.#name} cannot be loaded: ${reasonOf(cause)}`, { cause });
    }
  }

  /** Counts instances: what belongs to an earlier one is lost. */
  get instance(): number {
    return this.#instance;
  }

  /** Gives up the instance, of which all objects are lost; the error to report. */
  crash(cause: unknown): NtfscloneError {
    this.#instance += 1;
    this.#isCrashed = true;
    return new NtfscloneError("crashed", `a defect in ${this.#name}: ${reasonOf(cause)}`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
