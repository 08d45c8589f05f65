import { byIndex } from "./by-index.js";
import { watchCodecs } from "./codecs.js";
import { Driver } from "./driver.js";
import { NtfscloneError } from "./error.js";
import { Medium } from "./medium.js";
import type { Stream } from "./ntfsclone.js";
import type { OpenOptions } from "./options.js";
import type { Platform } from "./open.js";
import { MemoryFirst } from "./stores/memory.js";

/** The content of a stream in it, read anywhere: by an index, or decompressed as a whole. Closing it closes what it needs of `outer`. */
export async function contentOf(outer: Medium, stream: Stream, platform: Platform, options: OpenOptions): Promise<Medium> {
  const indexed = await byIndex(outer, stream, platform, options);
  if (indexed) {
    return indexed;
  }
  const content = await decompressed(outer, stream, platform, options);
  outer.free();
  await outer.source.close?.();
  return content;
}

/** What a stream in it is decompressed to. It is no longer there when it is closed. */
async function decompressed(
  outer: Medium,
  stream: Stream,
  platform: Platform,
  options: OpenOptions,
): Promise<Medium> {
  const { engine, source } = outer;
  const store = new MemoryFirst(platform.newStore);
  let crash: () => NtfscloneError | undefined = () => undefined;
  try {
    if (engine.call(() => stream.needs_codecs())) {
      await platform.loadCodecs();
      crash = watchCodecs();
    }
    const task = engine.call(() => stream.decompress());
    const driver = new Driver(outer, task, options);
    let size = 0;
    const full = (cause: unknown) => {
      driver.free();
      throw notKept(source.name, store.where, size, cause);
    };
    for (let output; (output = await driver.next()); ) {
      if (output.kind === "bytes") {
        await store.write(output.bytes, size).catch(full);
        size += output.bytes.length;
      } else if (output.kind === "hole") {
        size += output.length;
      }
    }
    driver.free();
    const { read, readInto } = await store.finish(size).catch(full);
    return new Medium({ name: source.name, size, read, ...(readInto && { readInto }), close: () => store.remove() }, engine);
  } catch (error) {
    await store.remove();
    throw crash() ?? error;
  }
}

function notKept(name: string, where: string, size: number, cause: unknown): NtfscloneError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NtfscloneError(
    "storage",
    `${name} is compressed, and cannot be kept decompressed in ${where}, of which there are more than ${size} bytes: ` +
      `${reason}; make room there, or decompress it first`,
    { cause },
  );
}
