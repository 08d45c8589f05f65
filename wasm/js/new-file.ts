import { randomBytes } from "node:crypto";
import { link, lstat, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Hole } from "./options.js";

export type Piece = Uint8Array | Hole;

/** Characters of the name in the name of the part: of at most 4 bytes each, and all names have at most 255. */
const NAME_CHARACTERS = 60;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** A signal arrived while a file was written. */
export class Interrupted extends Error {
  constructor(readonly signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
  }
}

/**
 * Writes a file that must not exist yet, with holes where the file system has them. It has its name only when it is whole: it is written beside it, and removed if
 * that fails or a signal arrives. After `kill -9` a file with another name is left.
 */
export async function writeNewFile(
  path: string,
  begin: (signal: AbortSignal) => AsyncIterable<Piece>,
): Promise<void> {
  await refuseExisting(path);
  const name = [...basename(path)].slice(0, NAME_CHARACTERS).join("");
  const partial = join(dirname(path), `.${name}.${randomBytes(6).toString("base64url")}.part`);
  const stop = new AbortController();
  const interrupt = (signal: NodeJS.Signals) => stop.abort(new Interrupted(signal));
  for (const signal of SIGNALS) {
    process.on(signal, interrupt);
  }
  try {
    const file = await open(partial, "wx");
    try {
      let position = 0;
      for await (const piece of begin(stop.signal)) {
        if (piece instanceof Uint8Array) {
          // `writeFile` would write many small parts.
          for (let rest = piece; rest.length > 0; ) {
            const { bytesWritten } = await file.write(rest, 0, rest.length, position);
            rest = rest.subarray(bytesWritten);
            position += bytesWritten;
          }
        } else {
          position += piece.hole;
        }
        stop.signal.throwIfAborted();
      }
      // A hole at the end.
      await file.truncate(position);
    } finally {
      await file.close();
    }
    stop.signal.throwIfAborted();
    await moveToNew(partial, path);
  } finally {
    await rm(partial, { force: true });
    for (const signal of SIGNALS) {
      process.off(signal, interrupt);
    }
  }
}

/** Gives the file its name, unless another file has it by now. */
async function moveToNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      throw error;
    }
    // A file system without hard links.
    await refuseExisting(to);
    await rename(from, to);
  }
}

async function refuseExisting(path: string): Promise<void> {
  const isThere = await lstat(path).then(
    () => true,
    () => false,
  );
  if (isThere) {
    throw Object.assign(new Error(`EEXIST: file already exists, open '${path}'`), { code: "EEXIST" });
  }
}
