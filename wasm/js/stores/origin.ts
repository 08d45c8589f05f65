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
  let writable: FileSystemWritableFileStream | undefined;
  const remove = async () => {
    await writable?.abort().catch(() => {});
    writable = undefined;
    await removeEntry(folder, name);
    release();
  };
  try {
    const file = await folder.getFileHandle(name, { create: true });
    writable = await file.createWritable();
    const output = writable;
    return {
      where: "the storage of this origin",
      write: (data, position) => output.write({ type: "write", data, position }),
      async finish(size) {
        await output.truncate(size);
        await output.close();
        writable = undefined;
        return fromBlob(await file.getFile());
      },
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
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
