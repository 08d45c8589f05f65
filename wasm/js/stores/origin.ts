import { fromBlob } from "../sources/blob.js";
import type { Store } from "./store.js";

/** The folder and, before names of files, the locks. */
const NAME = "ntfsclone-temporary";

/** A file in the storage that browsers keep for each origin, and nobody else sees. */
export async function newOriginFile(): Promise<Store> {
  if (typeof navigator === "undefined" || !navigator.storage?.getDirectory || !navigator.locks) {
    throw new Error("there is no storage of the origin's own (pages have one that come by https)");
  }
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle(NAME, { create: true });
  await removeAbandoned(folder);
  const name = crypto.randomUUID();
  // Before the file is there: others would take it for abandoned.
  const release = await lock(name);
  let close: (() => void | Promise<void>) | undefined;
  const remove = async () => {
    await close?.();
    close = undefined;
    await removeEntry(folder, name);
    release();
  };
  try {
    const file: InWorkers = await folder.getFileHandle(name, { create: true });
    const opened = file.createSyncAccessHandle ? ofWorker(await file.createSyncAccessHandle()) : ofPage(file, await file.createWritable());
    ({ close } = opened);
    return { where: "the storage of this origin", write: opened.write, finish: opened.finish, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** A file that is open: what a store does with it, and how it is closed. */
type OpenFile = Pick<Store, "write" | "finish"> & { close(): void | Promise<void> };

function ofPage(file: FileSystemFileHandle, writable: FileSystemWritableFileStream): OpenFile {
  return {
    write: (data, position) => writable.write({ type: "write", data, position }),
    async finish(size) {
      await writable.truncate(size);
      await writable.close();
      return fromBlob(await file.getFile());
    },
    // That of a stream which is closed is rejected.
    close: () => writable.abort().catch(() => {}),
  };
}

/** Reads and writes without the browser's other processes. */
function ofWorker(handle: SyncAccessHandle): OpenFile {
  const readInto = (offset: number, memory: Uint8Array) => handle.read(memory, { at: offset });
  return {
    async write(data, position) {
      const written = handle.write(data, { at: position });
      if (written !== data.length) {
        throw new Error(`only ${written} of ${data.length} bytes were written`);
      }
    },
    async finish(size) {
      handle.truncate(size);
      return {
        readInto,
        read(offset, length) {
          const bytes = new Uint8Array(length);
          return bytes.subarray(0, readInto(offset, bytes));
        },
      };
    },
    close: () => handle.close(),
  };
}

/** Of workers only: the compiler has the types of pages. */
interface InWorkers extends FileSystemFileHandle {
  createSyncAccessHandle?(): Promise<SyncAccessHandle>;
}

interface SyncAccessHandle {
  read(into: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  close(): void;
}

/** Browsers keep a file from being removed for a moment after it was written to. */
async function removeEntry(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    try {
      return await folder.removeEntry(name);
    } catch (error) {
      if (error instanceof DOMException && error.name === "NotFoundError") {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Those whose page or worker is gone: with it, its locks went. */
async function removeAbandoned(folder: FileSystemDirectoryHandle): Promise<void> {
  for await (const name of folder.keys()) {
    await navigator.locks.request(NAME + name, { ifAvailable: true }, async (lock) => {
      if (lock) {
        await folder.removeEntry(name).catch(() => {});
      }
    });
  }
}

/** Locks that name, until what it resolves to is called. */
function lock(name: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    navigator.locks.request(NAME + name, () => new Promise<void>((release) => resolve(release))).catch(reject);
  });
}
