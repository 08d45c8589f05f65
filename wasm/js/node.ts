import { readFile } from "node:fs/promises";
import { loadCodecs } from "./codecs.js";
import { load } from "./engine.js";
import type { Image } from "./image.js";
import { access, openWith } from "./open.js";
import type { InitInput, OpenOptions } from "./options.js";
import { fromHandle, fromPath, type NodeFileHandle } from "./sources/file.js";
import type { ImageSource, RandomAccess } from "./sources/source.js";
import { newFile } from "./stores/file.js";

export * from "./api.js";
export type { NodeFileHandle } from "./sources/file.js";

let codecsInput: InitInput | Promise<InitInput> | undefined;

/**
 * Loads the library. `open` does that by itself; call this before it to load early, or to say where the WebAssembly
 * module is; where `codecs` are, which are loaded when a stream of another format than zstd is met, or something is to be
 * compressed; and the `deferred` part of the module, which is loaded when something is validated or converted, or a
 * virtual disk is opened. Only the first call's counts.
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

/**
 * Opens an image of ntfsclone, or an NTFS volume. A string is the path of a file. Close it when it is no longer needed.
 */
export function open(source: ImageSource | NodeFileHandle | string, options: OpenOptions = {}): Promise<Image> {
  const newStore = () => newFile(options.sync ?? false);
  return openWith({ init, loadCodecs: loadCodecsHere, newStore }, () => accessHere(source, options), options);
}

function loadCodecsHere(): Promise<void> {
  return loadCodecs(async () => fetched((await codecsInput) ?? new URL("./ntfsclone_codecs_bg.wasm", import.meta.url)));
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
