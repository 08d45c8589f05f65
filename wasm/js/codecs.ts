import bind, { __wbg_reset_state, Decoder, type Decoded, type InitInput as Input } from "./ntfsclone_codecs.js";
import { NtfscloneError } from "./error.js";
import type { InitInput } from "./options.js";

/** What one call of a decoder did. */
type Outcome = Pick<Decoded, "taken" | "made" | "has_ended" | "problem">;

let loading: Promise<void> | undefined;
let isLoaded = false;
/** The other module calls them by their numbers. */
const decoders = new Map<number, Decoder>();
let lastDecoder = 0;

/** Loads the module with the decoders that the first one is without, once. A new attempt follows a failed one. */
export function loadCodecs(input: () => InitInput | Promise<InitInput>): Promise<void> {
  loading ??= instantiate(input).catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function instantiate(input: () => InitInput | Promise<InitInput>): Promise<void> {
  try {
    await bind({ module_or_path: (await input()) as Input });
    isLoaded = true;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NtfscloneError("load", `the WebAssembly module of decoders cannot be loaded: ${reason}`, { cause });
  }
}

/** Makes a new instance of the module, after one of the two crashed. */
export function resetCodecs(): void {
  if (isLoaded) {
    decoders.clear();
    __wbg_reset_state();
  }
}

export function newDecoder(compression: string, memory: number): number {
  lastDecoder += 1;
  decoders.set(lastDecoder, new Decoder(compression, memory));
  return lastDecoder;
}

export function restart(decoder: number): string | undefined {
  return decoders.get(decoder)!.restart();
}

export function decode(decoder: number, input: Uint8Array, output: Uint8Array): Outcome {
  const decoded = decoders.get(decoder)!.decode(input, output);
  const { taken, made, has_ended, problem } = decoded;
  decoded.free();
  return { taken, made, has_ended, problem };
}

export function freeDecoder(decoder: number): void {
  decoders.get(decoder)?.free();
  decoders.delete(decoder);
}
