import { checked, OPEN, OPEN_DISK } from "./arguments.js";
import { loadCodecs } from "./codecs.js";
import { load } from "./engine.js";
import type { Image } from "./image.js";
import { access, given, openDiskWith, openWith, type Given, type Platform } from "./open.js";
import type { InitInput, OpenDiskOptions, OpenOptions } from "./options.js";
import type { ImageSource } from "./sources/source.js";
import { newOriginFile } from "./stores/origin.js";
import type { WholeDisk } from "./whole-disk.js";

export * from "./api.js";

let codecsInput: InitInput | Promise<InitInput> | undefined;

const platform: Platform = {
  init,
  loadCodecs: () => loadCodecs(() => codecsInput ?? new URL("./ntfsclone_codecs_bg.wasm", import.meta.url)),
  newStore: newOriginFile,
};

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
    () => input ?? new URL("./ntfsclone_bg.wasm", import.meta.url),
    () => deferred ?? new URL("./ntfsclone_deferred_bg.wasm", import.meta.url),
  );
}

/**
 * Opens an image of ntfsclone, or an NTFS volume. Of a list of files, which are those of one virtual disk, the one that refers
 * to the others is opened. Close it when it is no longer needed.
 */
export async function open(source: ImageSource | readonly ImageSource[], options: OpenOptions = {}): Promise<Image> {
  checked(options, OPEN);
  return openWith(platform, filesOf(source, options), options);
}

/** Opens a disk with all its partitions, to be converted as a whole. Close it when it is no longer needed. */
export async function openDisk(source: ImageSource | readonly ImageSource[], options: OpenDiskOptions = {}): Promise<WholeDisk> {
  checked(options, OPEN_DISK);
  return openDiskWith(platform, filesOf(source, options), options);
}

function filesOf(source: ImageSource | readonly ImageSource[], { signal }: OpenDiskOptions): Given {
  return given<ImageSource>(source, (file) => access(file, signal));
}
