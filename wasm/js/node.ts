import { readFile } from "node:fs/promises";
import { checked, OPEN, OPEN_DISK } from "./arguments.js";
import { loadCodecs } from "./codecs.js";
import { load } from "./engine.js";
import { NtfscloneError } from "./error.js";
import type { Image } from "./image.js";
import { access, given, openDiskWith, openWith, type Given, type Platform } from "./open.js";
import type { InitInput, OpenDiskOptions, OpenOptions } from "./options.js";
import { findBeside } from "./sources/beside.js";
import { fromHandle, fromPath, type NodeFileHandle } from "./sources/file.js";
import type { ImageSource, RandomAccess } from "./sources/source.js";
import { newFile } from "./stores/file.js";
import type { WholeDisk } from "./whole-disk.js";

export * from "./api.js";
export type { NodeFileHandle } from "./sources/file.js";

let codecsInput: InitInput | Promise<InitInput> | undefined;

/**
 * Loads the library. `open` does that by itself; call this before it to load early, or to say where the WebAssembly
 * module is; where `codecs` are, which are loaded when a stream of another format than zstd is met, or something is to be
 * compressed; and the `deferred` part of the module, which is loaded when files are listed or read, something is validated
 * or converted, or a virtual disk, an image of partclone or a compressed file with an index is opened. Only the first call's counts.
 */
export function init(
  input?: InitInput | Promise<InitInput>,
  codecs?: InitInput | Promise<InitInput>,
  deferred?: InitInput | Promise<InitInput>,
): Promise<void> {
  codecsInput ??= codecs;
  return load(
    async () => fetched((await input) ?? new URL("./ntfsclone_bg.wasm", import.meta.url)),
    async () => fetched((await deferred) ?? new URL("./ntfsclone_deferred_bg.wasm", import.meta.url)),
  );
}

/** What can be opened in Node. A string is the path of a file. */
export type NodeSource = ImageSource | NodeFileHandle | string;

/**
 * Opens an image of ntfsclone, or an NTFS volume. Of a list of files, which are those of one virtual disk, the one that refers
 * to the others is opened. Of a single path, files that it needs are looked for in its folder. Close it when it is no longer
 * needed.
 */
export async function open(source: NodeSource | readonly NodeSource[], options: OpenOptions = {}): Promise<Image> {
  checked(options, OPEN);
  return withFilesBeside(source, options, (files) => openWith(platformFor(options), files, options));
}

/** Opens a disk with all its partitions, to be converted as a whole. Close it when it is no longer needed. */
export async function openDisk(source: NodeSource | readonly NodeSource[], options: OpenDiskOptions = {}): Promise<WholeDisk> {
  checked(options, OPEN_DISK);
  return withFilesBeside(source, options, (files) => openDiskWith(platformFor(options), files, options));
}

function platformFor({ sync = false }: OpenDiskOptions): Platform {
  return { init, loadCodecs: loadCodecsHere, newStore: () => newFile(sync) };
}

/** Opens it; of a path, again with the files beside it that turn out to be needed. */
async function withFilesBeside<T>(
  source: NodeSource | readonly NodeSource[],
  options: OpenDiskOptions,
  openFiles: (files: Given) => Promise<T>,
): Promise<T> {
  const accessFile = (file: NodeSource) => accessHere(file, options);
  if (typeof source !== "string") {
    return openFiles(given<NodeSource>(source, accessFile));
  }
  const paths = [source];
  for (;;) {
    try {
      return await openFiles({ ...given<NodeSource>(paths, accessFile), beginsWithFirst: true });
    } catch (error) {
      const needed = error instanceof NtfscloneError ? error.file : undefined;
      const found = needed === undefined ? [] : await findBeside(source, needed);
      const more = found.filter((path) => !paths.includes(path));
      if (more.length === 0) {
        throw error;
      }
      paths.push(...more);
    }
  }
}

function loadCodecsHere(): Promise<void> {
  return loadCodecs(async () => fetched((await codecsInput) ?? new URL("./ntfsclone_codecs_bg.wasm", import.meta.url)));
}

/** `fetch` of Node knows no files. */
async function fetched(input: InitInput): Promise<InitInput> {
  return input instanceof URL && input.protocol === "file:" ? readFile(input) : input;
}

async function accessHere(source: NodeSource, options: OpenDiskOptions): Promise<RandomAccess> {
  const isSync = options.sync ?? false;
  if (typeof source === "string" && /^https?:\/\//.test(source)) {
    throw new NtfscloneError("argument", `${JSON.stringify(source)} is an address: give new URL() of it`);
  }
  if (typeof source === "string" || (source instanceof URL && source.protocol === "file:")) {
    return fromPath(source, isSync);
  }
  if (typeof source === "object" && source !== null && "stat" in source && "fd" in source) {
    return fromHandle(source, isSync);
  }
  return access(source, options.signal);
}
