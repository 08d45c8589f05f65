import { watchCodecs } from "./codecs.js";
import { Driver } from "./driver.js";
import { Medium } from "./medium.js";
import type { IndexedStream, Stream } from "./ntfsclone.js";
import type { Platform } from "./open.js";
import type { OpenOptions } from "./options.js";

/**
 * The content of a stream in it, which is decompressed where it is read, from the nearest point of its index. Nothing if that
 * is of no use. With it, `outer` and its source are closed.
 */
export async function byIndex(
  outer: Medium,
  stream: Stream,
  { loadCodecs }: Platform,
  { index, onIndex, ...options }: OpenOptions,
): Promise<Medium | undefined> {
  const { engine, source } = outer;
  if (!engine.call(() => stream.can_have_index())) {
    return undefined;
  }
  const indexed = await watched(loadCodecs, () => {
    const task = engine.call(() => stream.index(index));
    return new Driver(outer, task, options).finish((task) => task.indexed());
  });
  if (!indexed) {
    return undefined;
  }
  const made = onIndex && engine.call(() => indexed.new_index());
  if (made) {
    onIndex(made as Uint8Array<ArrayBuffer>);
  }
  const content = {
    name: source.name,
    size: Number(engine.call(() => indexed.size)),
    read: (offset: number, length: number, signal: AbortSignal) =>
      watched(loadCodecs, () => read(outer, indexed, { offset, length, signal })),
    ...(source.checkUnchanged && { checkUnchanged: () => source.checkUnchanged!() }),
    async close() {
      engine.free(indexed);
      outer.free();
      await source.close?.();
    },
  };
  return new Medium(content, engine);
}

async function read(
  outer: Medium,
  indexed: IndexedStream,
  { offset, length, signal }: { offset: number; length: number; signal: AbortSignal },
): Promise<Uint8Array> {
  // It may have been closed while the codecs were loaded.
  signal.throwIfAborted();
  const task = outer.engine.call(() => indexed.read(BigInt(offset), BigInt(length)));
  const driver = new Driver(outer, task, { signal });
  try {
    let content: Uint8Array | undefined;
    for (let filled = 0, output; filled < length && (output = await driver.next()); ) {
      if (output.kind === "bytes") {
        const { bytes } = output;
        // Mostly it comes in one piece.
        content ??= bytes.length === length ? bytes : new Uint8Array(length);
        if (content !== bytes) {
          content.set(bytes, filled);
        }
        filled += bytes.length;
      }
    }
    return content ?? new Uint8Array();
  } finally {
    driver.free();
  }
}

/** Does work that needs the module of codecs. What it reports of a crash there is that. */
async function watched<T>(loadCodecs: () => Promise<void>, work: () => Promise<T>): Promise<T> {
  await loadCodecs();
  const crash = watchCodecs();
  try {
    return await work();
  } catch (error) {
    throw crash() ?? error;
  }
}
