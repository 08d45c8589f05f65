import { randomUUID } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromHandle } from "../sources/file.js";
import type { Store } from "./store.js";

/** A temporary file, which nobody else sees: it is gone when it is closed, or the process ends, however. */
export async function newFile(isSync: boolean): Promise<Store> {
  const path = join(tmpdir(), `ntfsclone-${randomUUID()}`);
  const handle = await open(path, "wx+", 0o600);
  // Windows may keep the name until it is closed.
  const isNameless = await rm(path).then(
    () => true,
    () => false,
  );
  return {
    where: tmpdir(),
    async write(bytes, position) {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, position + at);
        at += bytesWritten;
      }
    },
    async finish(size) {
      await handle.truncate(size);
      return fromHandle(handle, isSync);
    },
    async remove() {
      await handle.close();
      if (!isNameless) {
        await rm(path, { force: true });
      }
    },
  };
}
