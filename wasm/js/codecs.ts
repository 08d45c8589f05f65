import bind, { __wbg_reset_state, Compressor, Decoder, type Block, type Decoded, type InitInput as Input } from "./ntfsclone_codecs.js";
import type { NtfscloneError } from "./error.js";
import type { InitInput } from "./options.js";
import { WasmModule } from "./wasm-module.js";

/** Where a block begins. */
type BlockStart = Pick<Block, "offset" | "bit" | "window">;

/** What one call of a decoder did. */
type Outcome = Pick<Decoded, "taken" | "made" | "has_ended" | "problem">;

const module = new WasmModule<Input>("the WebAssembly module of codecs", bind, __wbg_reset_state);
/** The other module calls them by their numbers. */
const codecs = new Map<number, Decoder | Compressor>();
let lastNumber = 0;
let lastCrash: NtfscloneError | undefined;

/** Loads the module with the decoders and compressors that the first one is without. */
export function loadCodecs(input: () => InitInput | Promise<InitInput>): Promise<void> {
  return module.load(input);
}

/** The other module crashed: nobody will free what it had. */
export function freeCodecs(): void {
  for (const number of codecs.keys()) {
    free(number);
  }
}

/** Watches for crashes of this module, which take all of it with them: what it returns tells of one that came after this call. */
export function watchCodecs(): () => NtfscloneError | undefined {
  const { instance } = module;
  return () => (module.instance === instance ? undefined : lastCrash);
}

export function newDecoder(...start: ConstructorParameters<typeof Decoder>): number {
  return add(() => new Decoder(...start));
}

export function restart(decoder: number): string | undefined {
  return use<Decoder, string | undefined>(decoder, (decoder) => decoder.restart(), LOST);
}

export function decode(decoder: number, input: Uint8Array, output: Uint8Array): Outcome {
  const work = (decoder: Decoder) => {
    const decoded = decoder.decode(input, output);
    const { taken, made, has_ended, problem } = decoded;
    decoded.free();
    return { taken, made, has_ended, problem };
  };
  return use<Decoder, Outcome>(decoder, work, { taken: 0, made: 0, has_ended: false, problem: LOST });
}

export function findBlock(decoder: number): void {
  use<Decoder, void>(decoder, (decoder) => decoder.find_block(), undefined);
}

export function takeBlock(decoder: number): BlockStart | undefined {
  const work = (decoder: Decoder) => {
    const block = decoder.take_block();
    if (!block) {
      return undefined;
    }
    const { offset, bit, window } = block;
    block.free();
    return { offset, bit, window };
  };
  return use<Decoder, BlockStart | undefined>(decoder, work, undefined);
}

export function newCompressor(level: number): number {
  return add(() => new Compressor(level));
}

export function compress(compressor: number, content: Uint8Array): Uint8Array | undefined {
  return use<Compressor, Uint8Array | undefined>(compressor, (compressor) => compressor.compress(content), undefined);
}

/** Frees a decoder or compressor. */
export function free(number: number): void {
  use(number, (codec) => codec.free(), undefined);
  codecs.delete(number);
}

/** {@link watchCodecs} has more about it. */
const LOST = "its decoder crashed";

function add(make: () => Decoder | Compressor): number {
  lastNumber += 1;
  try {
    codecs.set(lastNumber, make());
  } catch (cause) {
    crash(cause);
  }
  return lastNumber;
}

/** Calls a codec. The answer is `lost` if it is of an instance that crashed, now or before. */
function use<Codec extends Decoder | Compressor, T>(number: number, work: (codec: Codec) => T, lost: T): T {
  const found = codecs.get(number) as Codec | undefined;
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
  codecs.clear();
  lastCrash = module.crash(cause);
}
