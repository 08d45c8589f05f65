import bind, { __wbg_reset_state, Decoder, type Decoded, type InitInput as Input } from "./ntfsclone_codecs.js";
import type { NtfscloneError } from "./error.js";
import type { InitInput } from "./options.js";
import { WasmModule } from "./wasm-module.js";

/** What one call of a decoder did. */
type Outcome = Pick<Decoded, "taken" | "made" | "has_ended" | "problem">;

const module = new WasmModule<Input>("the WebAssembly module of decoders", bind, __wbg_reset_state);
/** The other module calls them by their numbers. */
const decoders = new Map<number, Decoder>();
let lastDecoder = 0;
let lastCrash: NtfscloneError | undefined;

/** Loads the module with the decoders that the first one is without. */
export function loadCodecs(input: () => InitInput | Promise<InitInput>): Promise<void> {
  return module.load(input);
}

/** The other module crashed: nobody will free its decoders. */
export function dropDecoders(): void {
  for (const decoder of decoders.keys()) {
    freeDecoder(decoder);
  }
}

/** A look at crashes of this module, which take all decoders with them: returns one that came after this call. */
export function watchCodecs(): () => NtfscloneError | undefined {
  const { instance } = module;
  return () => (module.instance === instance ? undefined : lastCrash);
}

export function newDecoder(compression: string, memory: number): number {
  lastDecoder += 1;
  try {
    decoders.set(lastDecoder, new Decoder(compression, memory));
  } catch (cause) {
    crash(cause);
  }
  return lastDecoder;
}

export function restart(decoder: number): string | undefined {
  return use(decoder, (decoder) => decoder.restart(), LOST);
}

export function decode(decoder: number, input: Uint8Array, output: Uint8Array): Outcome {
  const work = (decoder: Decoder) => {
    const decoded = decoder.decode(input, output);
    const { taken, made, has_ended, problem } = decoded;
    decoded.free();
    return { taken, made, has_ended, problem };
  };
  return use(decoder, work, { taken: 0, made: 0, has_ended: false, problem: LOST });
}

export function freeDecoder(decoder: number): void {
  use(decoder, (decoder) => decoder.free(), undefined);
  decoders.delete(decoder);
}

/** {@link watchCodecs} has more about it. */
const LOST = "its decoder crashed";

/** Calls a decoder. The answer is `lost` if it is of an instance that crashed, now or before. */
function use<T>(decoder: number, work: (decoder: Decoder) => T, lost: T): T {
  const found = decoders.get(decoder);
  if (!found) {
    return lost;
  }
  try {
    return work(found);
  } catch (cause) {
    crash(cause);
    return lost;
  }
}

/** A trap must not reach the other module, which called this and would be lost, too. */
function crash(cause: unknown): void {
  decoders.clear();
  lastCrash = module.crash(cause);
}
