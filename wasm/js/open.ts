import { shown } from "./arguments.js";
import { contentOf } from "./decompress.js";
import type { Info } from "./documents.js";
import { Driver } from "./driver.js";
import type { Engine } from "./engine.js";
import { NtfscloneError } from "./error.js";
import { Image } from "./image.js";
import { Medium } from "./medium.js";
import type { Image as Handle, Source, Stream, Task } from "./ntfsclone.js";
import type { OpenDiskOptions, OpenOptions } from "./options.js";
import { fromBlob, type BlobLike, type FileSystemFileHandleLike } from "./sources/blob.js";
import { fromBytes } from "./sources/bytes.js";
import { fromCustom, type CustomSource } from "./sources/custom.js";
import { closeAll, joined, namesOf } from "./sources/joined.js";
import type { ImageSource, RandomAccess } from "./sources/source.js";
import { fromUrl } from "./sources/url.js";
import type { NewStore } from "./stores/store.js";
import { WholeDisk } from "./whole-disk.js";

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
export async function openWith(platform: Platform, given: Given, options: OpenOptions): Promise<Image> {
  const { partition } = options;
  return openThrough(platform, given, options, {
    begin: (pages, name) => pages.open(name, partition ?? undefined, partition !== null),
    arrive: (task) => task.image(),
    finish: (medium, handle) => describe(medium, handle, platform, options),
  });
}

/** Opens a disk as a whole. */
export async function openDiskWith(platform: Platform, given: Given, options: OpenDiskOptions): Promise<WholeDisk> {
  return openThrough(platform, given, options, {
    begin: (pages, name) => pages.open_disk(name),
    arrive: (task) => task.disk(),
    finish: async (medium, handle) => WholeDisk.of(medium, handle, platform.loadCodecs),
  });
}

/** What is opened: mostly one file. */
export interface Given {
  access(): Promise<RandomAccess[]>;
  /** Whether the first file is opened, instead of the one that refers to the others. */
  beginsWithFirst: boolean;
}

/** What `open` was given: a file, or several in a list. */
export function given<S>(source: S | readonly S[], access: (source: S) => Promise<RandomAccess>): Given {
  const sources = isList(source) ? source : [source];
  return { access: () => accessAll(sources, access), beginsWithFirst: sources.length === 1 };
}

function isList<S>(source: S | readonly S[]): source is readonly S[] {
  return Array.isArray(source);
}

/** Gives access to all of them; if one cannot be opened, the others are closed. */
async function accessAll<S>(sources: readonly S[], access: (source: S) => Promise<RandomAccess>): Promise<RandomAccess[]> {
  const files: RandomAccess[] = [];
  try {
    for (const source of sources) {
      files.push(await access(source));
    }
  } catch (error) {
    await closeAll(files);
    throw error;
  }
  return files;
}

/** The way to what is opened. */
interface Way<H, T> {
  begin(pages: Source, name: string): Task;
  arrive(task: Task): H;
  finish(medium: Medium, handle: H): Promise<T>;
}

async function openThrough<H extends object, T>(
  platform: Platform,
  { access, beginsWithFirst }: Given,
  options: OpenDiskOptions,
  way: Way<H, T>,
): Promise<T> {
  options.signal?.throwIfAborted();
  await platform.init();
  options.signal?.throwIfAborted();
  const files = await access();
  const begin = (pages: Source, name: string): Task => {
    if (beginsWithFirst) {
      return way.begin(pages, name);
    }
    pages.find_first();
    return way.begin(pages, options.name ?? "");
  };
  return openWithin(files, platform, options, { ...way, begin });
}

/** Opens what is in it, from the outside in. The files are closed with that, or now, if it cannot be opened. */
async function openWithin<H extends object, T>(
  files: RandomAccess[],
  platform: Platform,
  options: OpenDiskOptions,
  way: Way<H, T>,
): Promise<T> {
  let close = () => closeAll(files);
  let medium: Medium | undefined;
  // Their index is that of the file itself, not of what is compressed in it.
  const { index: _index, onIndex: _onIndex, ...inner } = options;
  try {
    const source = joined(files);
    const name = options.name ?? source.name;
    const names = namesOf(files);
    medium = new Medium({ ...source, name });
    const { engine, pages } = medium;
    let opening = engine.call(() => {
      names.forEach((file, index) => pages.add_file(file, BigInt(files[index]!.size)));
      return way.begin(pages, name);
    });
    for (let isOutermost = true; ; ) {
      const found = await new Driver(medium, opening, options).finish((task) => task.stream() ?? way.arrive(task));
      if (!isStream(found, engine)) {
        return await way.finish(medium, found);
      }
      try {
        const outer: Medium = medium;
        const within = await contentOf(outer, found, platform, isOutermost ? options : inner);
        isOutermost = false;
        medium = within;
        close = async () => within.source.close?.();
        opening = engine.call(() => within.pages.open_within(found));
      } finally {
        engine.free(found);
      }
    }
  } catch (error) {
    medium?.free();
    await close();
    throw error;
  }
}

function isStream(found: object, engine: Engine): found is Stream {
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
  // Of other views and of shared memory, a part could be missing, or change.
  const isOtherMemory = ArrayBuffer.isView(source) || Object.prototype.toString.call(source) === "[object SharedArrayBuffer]";
  if (!isOtherMemory && has(source, "getFile")) {
    return fromBlob(await (source as FileSystemFileHandleLike).getFile());
  }
  if (!isOtherMemory && typeof source === "object" && has(source, "slice")) {
    return fromBlob(source as BlobLike);
  }
  if (has(source, "read")) {
    return fromCustom(source as CustomSource);
  }
  throw new NtfscloneError("argument", `${shown(source)} is nothing that can be opened here: ${hintFor(source)}`);
}

function hintFor(source: unknown): string {
  return typeof source === "string" && /^https?:/.test(source)
    ? "give new URL() of an address"
    : "give a Blob, a file handle, bytes (Uint8Array or ArrayBuffer), a URL object, or { size, read }";
}

function has(source: unknown, method: string): boolean {
  return typeof (source as Record<string, unknown> | null | undefined)?.[method] === "function";
}
