import type { Hole, TaskOptions } from "ntfsclone";
import type { FromDownload, ToDownload } from "../download-messages.js";
import { messageOf } from "../failure.js";
import type { Output, Written } from "../messages.js";
import { WriteError } from "./problem.js";
import { piecesOf } from "./stream-pieces.js";
import { throttled } from "./throttled.js";

type Piece = Uint8Array<ArrayBuffer> | Hole;
type Download = Extract<Output, { kind: "download" }>;

/** Every call of the page can be cancelled. */
export type Asked = TaskOptions & { signal: AbortSignal };

/** Makes the pieces of what is written. */
type Convert = (options: Asked) => ReadableStream<Piece>;

/** Writes what `convert` makes. If it cannot be finished, nothing is kept. */
export function write(output: Output, options: Asked, convert: Convert): Promise<Written> {
  return output.kind === "file" ? writeFile(output.handle, options, convert) : writeDownload(output, options, convert);
}

async function writeFile(handle: FileSystemFileHandle, options: Asked, convert: Convert): Promise<Written> {
  // What is written gets the file's name when it is closed, not before.
  const writable = await writing(() => handle.createWritable());
  const written = { size: 0, holes: 0 };
  try {
    for await (const piece of piecesOf(convert(options))) {
      if (piece instanceof Uint8Array) {
        await writing(() => writable.write({ type: "write", position: written.size, data: piece }));
      }
      count(written, piece);
    }
    // A hole at the end.
    await writing(() => writable.truncate(written.size));
    await writing(() => writable.close());
  } catch (error) {
    await writable.abort().catch(() => {});
    throw error;
  }
  return written;
}

async function writing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new WriteError(messageOf(cause), { cause });
  }
}

const BYTES_OF_ZEROS = 1 << 20;

/** Sends a piece whenever the service worker asks for one, so at the speed of the browser. */
async function writeDownload({ port, about }: Download, { signal, onProgress }: Asked, convert: Convert): Promise<Written> {
  const written = { size: 0, holes: 0 };
  // One hole may be nearly all of the result, so progress counts the bytes sent, if their number is known.
  const reader = convert({ signal, onProgress: about === null ? onProgress : undefined }).getReader();
  const report = throttled(onProgress);
  const send = (message: ToDownload, transfer: Transferable[] = []) => port.postMessage(message, transfer);
  let zeros = 0;
  const pull = async (): Promise<boolean> => {
    if (about !== null) {
      report({ done: Math.min(written.size - zeros, about), total: about });
    }
    if (zeros === 0) {
      const { value, done } = await reader.read();
      if (done) {
        send({ kind: "end" });
        return true;
      }
      count(written, value);
      if (value instanceof Uint8Array) {
        send({ kind: "bytes", bytes: value }, [value.buffer]);
        return false;
      }
      zeros = value.hole;
    }
    const bytes = new Uint8Array(Math.min(zeros, BYTES_OF_ZEROS));
    zeros -= bytes.length;
    send({ kind: "bytes", bytes }, [bytes.buffer]);
    return false;
  };
  try {
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      port.onmessage = ({ data }: MessageEvent<FromDownload>) => {
        if (data.kind === "cancelled") {
          reject(new DOMException("the download was cancelled", "AbortError"));
        } else {
          pull().then((isAtEnd) => isAtEnd && resolve(), reject);
        }
      };
    });
  } catch (error) {
    send({ kind: "failed" });
    await reader.cancel(error).catch(() => {});
    throw error;
  } finally {
    port.close();
  }
  // All of it goes through a download, holes too.
  return { size: written.size, holes: 0 };
}

function count(written: Written, piece: Piece): void {
  if (piece instanceof Uint8Array) {
    written.size += piece.length;
  } else {
    written.size += piece.hole;
    written.holes += piece.hole;
  }
}
