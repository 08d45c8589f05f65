import { makeZip } from "client-zip";
import { createTarPacker } from "modern-tar";
import type { Archive } from "../../messages.js";
import type { Bytes, Item } from "./items.js";

/** A zip archive has times from 1980 to 2107, of two seconds. */
const [EARLIEST, LATEST] = [new Date(1980, 0, 1).getTime(), new Date(2107, 11, 31).getTime()];

/** Packs files as an archive. */
export function archiveOf(format: Archive["format"], items: AsyncIterable<Item>): ReadableStream<Uint8Array> {
  return format === "zip" ? makeZip(zipEntries(items)) : tarOf(items);
}

async function* zipEntries(items: AsyncIterable<Item>): AsyncGenerator<{ name: string; lastModified: Date; input?: Bytes }> {
  for await (const { path, modified, content } of items) {
    const lastModified = new Date(Math.min(Math.max(modified ?? 0, EARLIEST), LATEST));
    yield content === null ? { name: `${path}/`, lastModified } : { name: path, lastModified, input: content };
  }
}

/** With times to the millisecond, of any year: POSIX.1-2001 (pax) has them as text. */
function tarOf(items: AsyncIterable<Item>): ReadableStream<Uint8Array> {
  const { readable, controller } = createTarPacker();
  const pack = async () => {
    for await (const { path, modified, content, size } of items) {
      const times = modified === null ? {} : { mtime: new Date(Math.max(0, modified)), pax: { mtime: secondsOf(modified) } };
      const body = controller.add({ name: content === null ? `${path}/` : path, type: content === null ? "directory" : "file", size, ...times });
      if (content === null) {
        await body.close();
      } else {
        await content.pipeTo(body);
      }
    }
    controller.finalize();
  };
  pack().catch((error: unknown) => controller.error(error));
  return readable;
}

function secondsOf(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}
