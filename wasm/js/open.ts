import { decompressed } from "./decompress.js";
import type { Info } from "./documents.js";
import { Driver } from "./driver.js";
import type { Engine } from "./engine.js";
import { NtfscloneError } from "./error.js";
import { Image } from "./image.js";
import { Medium } from "./medium.js";
import type { Image as Handle, Stream } from "./ntfsclone.js";
import type { OpenOptions } from "./options.js";
import { fromBlob, type BlobLike, type FileSystemFileHandleLike } from "./sources/blob.js";
import { fromBytes } from "./sources/bytes.js";
import { fromCustom, type CustomSource } from "./sources/custom.js";
import type { ImageSource, RandomAccess } from "./sources/source.js";
import { fromUrl } from "./sources/url.js";
import type { NewStore } from "./stores/store.js";

/** What differs between browsers and Node. */
export interface Platform {
  /** Loads the library. */
  init(): Promise<void>;
  /** Loads the decoders and compressors that it is without. */
  loadCodecs(): Promise<void>;
  /** Makes what decompressed streams are kept in. */
  newStore: NewStore;
}

/** Opens an image or volume. */
export async function openWith(
  platform: Platform,
  access: () => Promise<RandomAccess>,
  options: OpenOptions,
): Promise<Image> {
  options.signal?.throwIfAborted();
  await platform.init();
  options.signal?.throwIfAborted();
  const source = await access();
  return openWithin({ ...source, name: options.name ?? source.name }, platform, options);
}

/** Opens the image or volume in it, from the outside in. The source is closed with that, or now, if it cannot be opened. */
async function openWithin(source: RandomAccess, platform: Platform, options: OpenOptions): Promise<Image> {
  let medium: Medium | undefined;
  try {
    const partition = partitionOf(options);
    medium = new Medium(source);
    const { engine, pages } = medium;
    let opening = engine.call(() => pages.open(source.name, partition));
    for (;;) {
      const found = await new Driver(medium, opening, options).finish((task) => task.stream() ?? task.image());
      if (!isStream(found, engine)) {
        return await describe(medium, found, platform, options);
      }
      try {
        const outer: Medium = medium;
        const within = await decompressed(outer, found, platform, options);
        [medium, source] = [within, within.source];
        outer.free();
        await outer.source.close?.();
        opening = engine.call(() => within.pages.open_within(found));
      } finally {
        engine.free(found);
      }
    }
  } catch (error) {
    medium?.free();
    await source.close?.();
    throw error;
  }
}

/** Numbers of other kinds would be taken for others by the module. */
function partitionOf({ partition }: OpenOptions): number | undefined {
  if (partition !== undefined && !(Number.isInteger(partition) && partition >= 0 && partition < 2 ** 32)) {
    throw new NtfscloneError("argument", `${partition} is not the number of a partition`);
  }
  return partition;
}

function isStream(found: Stream | Handle, engine: Engine): found is Stream {
  return engine.call(({ Stream }) => found instanceof Stream);
}

/** The image, with what is told of it at a glance. */
async function describe(medium: Medium, handle: Handle, platform: Platform, options: OpenOptions): Promise<Image> {
  const { engine } = medium;
  try {
    const look = engine.call(() => handle.info());
    const text = await new Driver(medium, look, options).finish((task) => task.result());
    return Image.of(medium, handle, JSON.parse(text) as Info, platform.loadCodecs);
  } catch (error) {
    engine.free(handle);
    throw error;
  }
}

/** Tells what a source is by what it can do: what comes from another window or worker has other classes. */
export async function access(source: ImageSource, signal: AbortSignal | undefined): Promise<RandomAccess> {
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) {
    return fromBytes(source);
  }
  if (source instanceof URL) {
    return fromUrl(source, signal);
  }
  if (has(source, "getFile")) {
    return fromBlob(await (source as FileSystemFileHandleLike).getFile());
  }
  if (typeof source === "object" && has(source, "slice")) {
    return fromBlob(source as BlobLike);
  }
  if (has(source, "read")) {
    return fromCustom(source as CustomSource);
  }
  throw new NtfscloneError(
    "argument",
    `${typeof source === "string" ? "a string" : String(source)} is nothing that can be opened here: give a Blob, ` +
      "a file handle, bytes, a URL object, or { size, read }",
  );
}

function has(source: unknown, method: string): boolean {
  return typeof (source as Record<string, unknown> | null | undefined)?.[method] === "function";
}
