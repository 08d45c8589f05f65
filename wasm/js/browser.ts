import { load } from "./engine.js";
import type { Image } from "./image.js";
import { access, openWith } from "./open.js";
import type { InitInput, OpenOptions } from "./options.js";
import type { ImageSource } from "./sources/source.js";
import { newOriginFile } from "./stores/origin.js";

export * from "./api.js";

/**
 * Loads the library. `open` does that by itself; call this before it to load early, or to say where the WebAssembly
 * module is. Only the first call's `input` counts.
 */
export function init(input?: InitInput | Promise<InitInput>): Promise<void> {
  return load(() => input ?? new URL("./ntfsclone_bg.wasm", import.meta.url));
}

/** Opens an image of ntfsclone, or an NTFS volume. Close it when it is no longer needed. */
export function open(source: ImageSource, options: OpenOptions = {}): Promise<Image> {
  return openWith(init, () => access(source, options.signal), newOriginFile, options);
}
