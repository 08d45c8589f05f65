/** Keeps the page, so that it works offline; and makes downloads of what the page's worker writes. */

import type { Announcement, FromDownload, ToDownload, ToServiceWorker } from "./download-messages.js";

/** What the page consists of: the build writes that before this script. */
declare const PRECACHE: { version: string; files: string[] };

// The compiler has the types of pages.
const scope = self as unknown as ServiceWorkerScope;

interface Extendable extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface Fetching extends Extendable {
  request: Request;
  respondWith(answer: Response | Promise<Response>): void;
}

interface ServiceWorkerScope {
  registration: { scope: string };
  clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: Extendable) => void): void;
  addEventListener(type: "fetch", listener: (event: Fetching) => void): void;
  addEventListener(type: "message", listener: (event: MessageEvent<ToServiceWorker> & Extendable) => void): void;
}

const PREFIX = `ntfsclone ${scope.registration.scope} `;
const CACHE = PREFIX + PRECACHE.version;

const PAGE = "./index.html";

const downloads = new Map<string, Announcement>();

scope.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      await Promise.all(PRECACHE.files.map((file) => keep(cache, file)));
      await scope.skipWaiting();
    })(),
  );
});

scope.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      // Others may live on the same origin, in other folders.
      const old = (await caches.keys()).filter((key) => key.startsWith(PREFIX) && key !== CACHE);
      await Promise.all(old.map((key) => caches.delete(key)));
      await scope.clients.claim();
    })(),
  );
});

scope.addEventListener("message", ({ data, ports }) => {
  if (data.kind === "download") {
    downloads.set(data.address, data);
    // The other is in the announcement.
    ports.find((port) => port !== data.port)?.postMessage("ready");
  }
});

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const download = downloads.get(request.url);
  if (download) {
    downloads.delete(request.url);
    event.respondWith(answer(download));
  } else if (request.method === "GET" && request.url.startsWith(scope.registration.scope)) {
    event.respondWith(kept(request));
  }
});

async function keep(cache: Cache, file: string): Promise<void> {
  const answer = await fetch(file, { cache: "no-cache" });
  if (!answer.ok) {
    throw new Error(`${file}: ${answer.status}`);
  }
  // Some servers send from index.html to the folder; a page may not be answered with that.
  await cache.put(file, answer.redirected ? new Response(await answer.blob(), { headers: answer.headers }) : answer);
}

async function kept(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const isPage = request.mode === "navigate";
  return (await cache.match(isPage ? PAGE : request, { ignoreSearch: true })) ?? fetch(request);
}

function answer({ name, size, port }: Announcement): Response {
  const ask = (message: FromDownload) => port.postMessage(message);
  const body = new ReadableStream<Uint8Array>(
    {
      pull: (controller) =>
        new Promise<void>((resolve) => {
          port.onmessage = ({ data }: MessageEvent<ToDownload>) => {
            switch (data.kind) {
              case "bytes":
                controller.enqueue(data.bytes);
                break;
              case "end":
                controller.close();
                break;
              case "failed":
                controller.error(new Error("not finished"));
                break;
            }
            resolve();
          };
          ask({ kind: "pull" });
        }),
      cancel: () => ask({ kind: "cancelled" }),
    },
    { highWaterMark: 1 },
  );
  const headers = new Headers({
    "Content-Type": "application/octet-stream",
    "Content-Disposition": `attachment; filename*=UTF-8''${encodeName(name)}`,
  });
  if (size !== null) {
    headers.set("Content-Length", String(size));
  }
  return new Response(body, { headers });
}

/** As RFC 8187 wants it: stricter than for addresses. */
function encodeName(name: string): string {
  return encodeURIComponent(name.replace(/\p{Cs}/gu, "_")).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}
