import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { NtfscloneError } from "../error.js";
import type { RandomAccess } from "./source.js";

/** The parts of Node's `fs.promises.FileHandle` that are used. */
export interface NodeFileHandle {
  readonly fd: number;
  stat(): Promise<{ size: number; isFile(): boolean }>;
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
}

/** A file by its path, which is closed with the image. */
export async function fromPath(path: string | URL): Promise<RandomAccess> {
  const name = typeof path === "string" ? path : fileURLToPath(path);
  let handle;
  try {
    handle = await open(name, "r");
  } catch (cause) {
    throw unreadable(name, cause);
  }
  try {
    return { ...(await fromHandle(handle, name)), close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A file that the caller opened, and closes. */
export async function fromHandle(handle: NodeFileHandle, name = `file ${handle.fd}`): Promise<RandomAccess> {
  let status;
  try {
    status = await handle.stat();
  } catch (cause) {
    throw unreadable(name, cause);
  }
  if (!status.isFile()) {
    throw new NtfscloneError("argument", `${name} is no regular file: for a device, give { size, read }`);
  }
  // Fresh memory for each read would take longer than the read itself.
  let spare: Uint8Array | undefined;
  return {
    name,
    size: status.size,
    async read(offset, length) {
      const buffer = spare && spare.length >= length ? spare : new Uint8Array(length);
      // Not that of a read that nobody waits for any longer, and that goes on nevertheless.
      spare = undefined;
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled);
        if (bytesRead === 0) {
          break;
        }
        filled += bytesRead;
      }
      spare = buffer;
      return buffer.subarray(0, filled);
    },
  };
}

function unreadable(name: string, cause: unknown): NtfscloneError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NtfscloneError("read", `cannot open ${name}: ${reason}`, { cause });
}
