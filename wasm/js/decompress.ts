import { Driver } from "./driver.js";
import { NtfscloneError } from "./error.js";
import { Medium } from "./medium.js";
import type { OpenOptions } from "./options.js";
import type { Platform } from "./open.js";
import type { RandomAccess } from "./sources/source.js";
import { MemoryFirst } from "./stores/memory.js";

/** What it is decompressed to, read anywhere. It is no longer there when it is closed. */
export async function decompressed(
  source: RandomAccess,
  compression: string,
  endsAnywhere: boolean,
  platform: Platform,
  options: OpenOptions,
): Promise<RandomAccess> {
  const medium = new Medium(source);
  const store = new MemoryFirst(platform.newStore);
  try {
    if (medium.engine.call((module) => module.Source.needs_codecs(compression))) {
      await platform.loadCodecs();
    }
    const task = medium.engine.call(() => medium.pages.decompress(compression, endsAnywhere));
    const driver = new Driver(medium, task, options);
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
    const { read } = await store.finish(size).catch(full);
    return { name: source.name, size, read, close: () => store.remove() };
  } catch (error) {
    await store.remove();
    throw error;
  } finally {
    medium.free();
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
