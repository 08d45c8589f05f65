import { NtfscloneError } from "../error.js";
import { BLOCK_LENGTH, inBlocks } from "./blocks.js";
import type { RandomAccess } from "./source.js";

/** A file on a server that sends parts of it (HTTP range requests). */
export async function fromUrl(url: URL, signal: AbortSignal | undefined): Promise<RandomAccess> {
  const name = url.href;
  const part = (offset: number, length: number, signal: AbortSignal | undefined) =>
    request(url, { headers: { Range: `bytes=${offset}-${offset + length - 1}` } }, signal);
  const first = await part(0, BLOCK_LENGTH, signal);
  const size = await sizeOf(url, first, signal);
  const version = versionOf(first);
  const source: RandomAccess = {
    name,
    size,
    async read(offset, length, signal) {
      const answer = await part(offset, length, signal);
      if (answer.status !== 206) {
        await discard(answer);
        throw withoutRanges(name, answer);
      }
      if (versionOf(answer) !== version) {
        await discard(answer);
        throw new NtfscloneError("changed", `${name} changed on the server while it was read`, { offset });
      }
      return new Uint8Array(await answer.arrayBuffer());
    },
  };
  if (size === 0) {
    await discard(first);
    return source;
  }
  return inBlocks(source, new Uint8Array(await first.arrayBuffer()));
}

async function request(url: URL, how: RequestInit, signal: AbortSignal | undefined): Promise<Response> {
  let answer;
  try {
    // A copy kept by the browser may be of another day than its neighbours.
    answer = await fetch(url, { ...how, cache: "no-store", signal: signal ?? null });
  } catch (cause) {
    signal?.throwIfAborted();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NtfscloneError("read", `cannot fetch ${url.href}: ${reason}`, { cause });
  }
  // 416: not even the first byte is there.
  if (!answer.ok && answer.status !== 416) {
    await discard(answer);
    throw new NtfscloneError("read", `cannot fetch ${url.href}: ${answer.status} ${answer.statusText}`);
  }
  return answer;
}

async function sizeOf(url: URL, first: Response, signal: AbortSignal | undefined): Promise<number> {
  if (first.status === 416) {
    return 0;
  }
  if (first.status !== 206) {
    await discard(first);
    throw withoutRanges(url.href, first);
  }
  const total = first.headers.get("Content-Range")?.match(/\/(\d+)$/)?.[1];
  if (total !== undefined) {
    return Number(total);
  }
  // Another origin's server shows that header to scripts only if it says so; but the length of the whole, always.
  const whole = await request(url, { method: "HEAD" }, signal);
  const length = whole.headers.get("Content-Length");
  if (length === null) {
    throw new NtfscloneError("read", `the server does not tell the size of ${url.href}`);
  }
  return Number(length);
}

/** None where the server does not tell. */
function versionOf(answer: Response): string | null {
  return answer.headers.get("ETag") ?? answer.headers.get("Last-Modified");
}

function withoutRanges(name: string, answer: Response): NtfscloneError {
  return new NtfscloneError(
    "no-ranges",
    `the server sends ${name} only as a whole (status ${answer.status} to a range request): ` +
      "fetch it, and open the bytes or the Blob",
  );
}

/** What is not read to its end would keep the connection. */
async function discard(answer: Response): Promise<void> {
  await answer.body?.cancel().catch(() => {});
}
