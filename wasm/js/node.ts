import { readFile } from "node:fs/promises";
import { load } from "./engine.js";
import type { Image } from "./image.js";
import { access, openWith } from "./open.js";
import type { InitInput, OpenOptions } from "./options.js";
import { fromHandle, fromPath, type NodeFileHandle } from "./sources/file.js";
import type { ImageSource, RandomAccess } from "./sources/source.js";
import { newFile } from "./stores/file.js";

export * from "./api.js";
export type { NodeFileHandle } from "./sources/file.js";

/**
 * Loads the library. `open` does that by itself; call this before it to load early, or to say where the WebAssembly
 * module is. Only the first call's `input` counts.
 */
export function init(input?: InitInput | Promise<InitInput>): Promise<void> {
  return load(async () => fetched((await input) ?? new URL("./ntfsclone_bg.wasm", import.meta.url)));
}

/**
 * Opens an image of ntfsclone, or an NTFS volume. A string is the path of a file. Close it when it is no longer needed.
 */
export function open(source: ImageSource | NodeFileHandle | string, options: OpenOptions = {}): Promise<Image> {
  return openWith(init, () => accessHere(source, options), () => newFile(options.sync ?? false), options);
}

/** `fetch` of Node knows no files. */
async function fetched(input: InitInput): Promise<InitInput> {
  return input instanceof URL && input.protocol === "file:" ? readFile(input) : input;
}

async function accessHere(source: ImageSource | NodeFileHandle | string, options: OpenOptions): Promise<RandomAccess> {
  const isSync = options.sync ?? false;
  if (typeof source === "string" || (source instanceof URL && source.protocol === "file:")) {
    return fromPath(source, isSync);
  }
  if (typeof source === "object" && source !== null && "stat" in source && "fd" in source) {
    return fromHandle(source, isSync);
  }
  return access(source, options.signal);
}
