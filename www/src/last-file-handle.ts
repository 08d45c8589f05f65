/** The handle of the file that was opened last, in the database of the browser: not its content. */

const DATABASE = "ntfsclone";
const STORE = "kept";
const LAST = "last";

export interface LastFileHandle extends FileSystemFileHandle {
  queryPermission?(): Promise<PermissionState>;
  requestPermission?(): Promise<PermissionState>;
}

export async function rememberLastFile(handle: FileSystemFileHandle | undefined): Promise<void> {
  try {
    await request("readwrite", (store) => (handle ? store.put(handle, LAST) : store.delete(LAST)));
  } catch {
    // Private windows keep nothing: the file has to be chosen again.
  }
}

export async function lastFileHandle(): Promise<LastFileHandle | undefined> {
  try {
    return (await request("readonly", (store) => store.get(LAST))) as LastFileHandle | undefined;
  } catch {
    return undefined;
  }
}

async function request(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest): Promise<unknown> {
  const database = await answer(
    Object.assign(indexedDB.open(DATABASE, 1), {
      onupgradeneeded(this: IDBOpenDBRequest) {
        this.result.createObjectStore(STORE);
      },
    }),
  );
  try {
    return await answer(ask(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
