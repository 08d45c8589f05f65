import { NtfscloneError } from "./error.js";
import type { InitInput } from "./options.js";

/** What the deferred part imports: its memory, table and functions are those of the library. */
type Exports = WebAssembly.ModuleImports;

let compiling: Promise<WebAssembly.Module> | undefined;
/** The exports of the instance that has the deferred part. */
let completed: Exports | undefined;

/** Loads the part of the library that is seldom needed (checks, conversions, virtual disks) into an instance, if it is without it. */
export async function loadDeferred(exports: Exports, input: () => InitInput | Promise<InitInput>): Promise<void> {
  if (completed === exports) {
    return;
  }
  try {
    compiling ??= Promise.resolve(input()).then(compile);
    await WebAssembly.instantiate(await compiling, { first: exports });
    completed = exports;
  } catch (cause) {
    // The next attempt fetches it again.
    compiling = undefined;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const problem = `ntfsclone_deferred_bg.wasm, which this needs, cannot be loaded: ${reason}`;
    throw new NtfscloneError("load", problem, { cause });
  }
}

async function compile(input: InitInput): Promise<WebAssembly.Module> {
  if (input instanceof WebAssembly.Module) {
    return input;
  }
  const found = typeof input === "string" || input instanceof URL ? await fetch(input) : input;
  if (!("arrayBuffer" in found)) {
    return WebAssembly.compile(found as BufferSource);
  }
  if (!found.ok) {
    throw new Error(`${found.status} ${found.statusText} of ${found.url}`);
  }
  return WebAssembly.compile(await found.arrayBuffer());
}
