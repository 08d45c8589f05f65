import { readSync } from "node:fs";
import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { NtfscloneError } from "../error.js";
import type { RandomAccess } from "./source.js";

/** The parts of Node's `fs.promises.FileHandle` that are used. */
export interface NodeFileHandle {
  readonly fd: number;
  stat(): Promise<{ size: number; mtimeMs?: number; isFile(): boolean }>;
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
}

/** A file by its path, which is closed with the image. */
export async function fromPath(path: string | URL, isSync: boolean): Promise<RandomAccess> {
  const name = typeof path === "string" ? path : fileURLToPath(path);
  let handle;
  try {
    handle = await open(name, "r");
  } catch (cause) {
    throw unreadable(name, cause);
  }
  try {
    return { ...(await fromHandle(handle, isSync, name)), close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A file that the caller opened, and closes. If `isSync`, all else waits while it is read. */
export async function fromHandle(
  handle: NodeFileHandle,
  isSync: boolean,
  name = `file ${handle.fd}`,
): Promise<RandomAccess> {
  let status;
  try {
    status = await handle.stat();
  } catch (cause) {
    throw unreadable(name, cause);
  }
  if (!status.isFile()) {
    throw new NtfscloneError("argument", `${name} is no regular file: for a device, give { size, read }`);
  }
  const { size, mtimeMs } = status;
  // Fresh memory for each read would take longer than the read itself.
  const spares: Uint8Array[] = [];
  return {
    name,
    size,
    ...(isSync && { readInto: (offset: number, memory: Uint8Array) => fillFrom(handle.fd, offset, memory) }),
    async read(offset, length) {
      const spare = spares.pop();
      const buffer = spare && spare.length >= length ? spare : new Uint8Array(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled);
        checkCount(bytesRead, length - filled);
        if (bytesRead === 0) {
          break;
        }
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    },
    takeBack(bytes) {
      if (spares.length < MOST_SPARES) {
        spares.push(new Uint8Array(bytes.buffer));
      }
    },
    async checkUnchanged() {
      const now = await handle.stat().catch((cause: unknown) => {
        throw unreadable(name, cause);
      });
      if (now.size !== size || now.mtimeMs !== mtimeMs) {
        throw new NtfscloneError("changed", `${name} was written to since it was opened: open it again`);
      }
    },
  };
}

/** Buffers that are kept: a read ahead, and the one before it. */
const MOST_SPARES = 2;

function fillFrom(file: number, offset: number, memory: Uint8Array): number {
  let filled = 0;
  while (filled < memory.length) {
    const read = readSync(file, memory, filled, memory.length - filled, offset + filled);
    if (read === 0) {
      break;
    }
    filled += read;
  }
  return filled;
}

/** The handle may be anybody's. */
function checkCount(bytesRead: number, requested: number): void {
  if (!Number.isInteger(bytesRead) || bytesRead < 0 || bytesRead > requested) {
    throw new NtfscloneError("read", `the file handle reports that it read ${bytesRead} bytes, of ${requested} requested`);
  }
}

function unreadable(name: string, cause: unknown): NtfscloneError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NtfscloneError("read", `cannot read ${name}: ${reason}`, { cause });
}
