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

/** Opens what `init` loaded the library for. */
export async function openWith(
  init: () => Promise<void>,
  access: () => Promise<RandomAccess>,
  options: OpenOptions,
): Promise<Image> {
  options.signal?.throwIfAborted();
  await init();
  options.signal?.throwIfAborted();
  const source = await access();
  try {
    return await openSource({ ...source, name: options.name ?? source.name }, options);
  } catch (error) {
    await source.close?.();
    throw error;
  }
}

async function openSource(source: RandomAccess, options: OpenOptions): Promise<Image> {
  const { partition } = options;
  if (partition === undefined) {
    return openAll(source, options);
  }
  const partitions = await partitionsOf(source, options);
  const found = partitions.find(({ number }) => number === partition);
  if (!found) {
    throw new NtfscloneError("no-partition", `${source.name} has no partition ${partition}`, { partitions });
  }
  const { offset: start, size } = found;
  const read: RandomAccess["read"] = (offset, length, signal) => source.read(start + offset, length, signal);
  return openAll({ ...source, size, read }, options, partition);
}

/** The library tells of them when it is to open a whole disk. */
async function partitionsOf({ close: _, ...disk }: RandomAccess, options: OpenOptions): Promise<Partition[]> {
  try {
    await (await openAll(disk, options)).close();
    return [];
  } catch (error) {
    if (error instanceof NtfscloneError && error.code === "disk") {
      return error.partitions ?? [];
    }
    throw error;
  }
}

async function openAll(source: RandomAccess, options: OpenOptions, partition?: number): Promise<Image> {
  const medium = new Medium(source);
  const { engine } = medium;
  let handle;
  try {
    const opening = engine.call(() => medium.pages.open(partition));
    handle = await new Driver(medium, opening, options).finish((task) => task.image());
    const look = engine.call(() => handle!.info());
    const info = await new Driver(medium, look, options).finish((task) => task.result());
    return Image.of(medium, handle, JSON.parse(info) as Info);
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
