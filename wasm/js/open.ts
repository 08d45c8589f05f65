import { decompressed } from "./decompress.js";
import type { Info } from "./documents.js";
import { Driver } from "./driver.js";
import { NtfscloneError, type Partition } from "./error.js";
import { Image } from "./image.js";
import { Medium } from "./medium.js";
import type { OpenOptions } from "./options.js";
import { fromBlob, type BlobLike, type FileSystemFileHandleLike } from "./sources/blob.js";
import { fromBytes } from "./sources/bytes.js";
import { fromCustom, type CustomSource } from "./sources/custom.js";
import type { ImageSource, RandomAccess } from "./sources/source.js";
import { fromUrl } from "./sources/url.js";
import type { NewStore } from "./stores/store.js";

/** How often something may be compressed again. */
const MOST_COMPRESSIONS = 2;

/** What differs between browsers and Node. */
export interface Platform {
  /** Loads the library. */
  init(): Promise<void>;
  /** Loads the decoders of streams that it is without. */
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
  let { partition } = options;
  let { size } = source;
  const layers: string[] = [];
  let compressions = 0;
  try {
    for (;;) {
      try {
        if (partition === undefined) {
          return await openAll(source, size, layers, options);
        }
        source = await partOf(source, partition, options);
        layers.push(`partition ${partition}`);
        partition = undefined;
        size = compressions === 0 ? source.size : size;
      } catch (error) {
        const compression = error instanceof NtfscloneError ? error.compression : undefined;
        if (compression === undefined || compressions === MOST_COMPRESSIONS) {
          throw error;
        }
        compressions += 1;
        // What follows it in a partition is not of it.
        const endsAnywhere = layers.at(-1)?.startsWith("partition") ?? false;
        const outer = source;
        source = await decompressed(outer, compression, endsAnywhere, platform, options);
        layers.push(compression);
        await outer.close?.();
      }
    }
  } catch (error) {
    await source.close?.();
    throw error;
  }
}

async function partOf(source: RandomAccess, partition: number, options: OpenOptions): Promise<RandomAccess> {
  const partitions = await partitionsOf(source, options);
  const found = partitions.find(({ number }) => number === partition);
  if (!found) {
    throw new NtfscloneError("no-partition", `${source.name} has no partition ${partition}`, { partitions });
  }
  const { offset: start, size } = found;
  const read: RandomAccess["read"] = (offset, length, signal) => source.read(start + offset, length, signal);
  const { readInto } = source;
  return {
    ...source,
    size,
    read,
    ...(readInto && { readInto: (offset: number, memory: Uint8Array) => readInto(start + offset, memory) }),
  };
}

/** The library tells of them when it is to open a whole disk. */
async function partitionsOf({ close: _, ...disk }: RandomAccess, options: OpenOptions): Promise<Partition[]> {
  try {
    await (await openAll(disk, disk.size, [], options)).close();
    return [];
  } catch (error) {
    if (error instanceof NtfscloneError && error.code === "disk") {
      return error.partitions ?? [];
    }
    throw error;
  }
}

/** Opens it; `size` and `layers` are of what it is within. */
async function openAll(source: RandomAccess, size: number, layers: string[], options: OpenOptions): Promise<Image> {
  const medium = new Medium(source);
  const { engine } = medium;
  let handle;
  try {
    const opening = engine.call(() => medium.pages.open());
    handle = await new Driver(medium, opening, options).finish((task) => task.image());
    const look = engine.call(() => handle!.info());
    const text = await new Driver(medium, look, options).finish((task) => task.result());
    const info = JSON.parse(text) as Info;
    return Image.of(medium, handle, { ...info, size, layers: [...layers, ...info.layers] });
  } catch (error) {
    engine.free(handle);
    medium.free();
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
