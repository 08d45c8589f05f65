// A server of files: with and without ranges, and of another origin.

import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

/**
 * Serves each of `roots` ({ "/prefix/": folder }) until `close` is called. `ranges: false` sends wholes only;
 * `headers` go with every answer, and `onRequest` sees every request.
 */
export async function serve(roots, { ranges = true, headers = {}, onRequest = () => {} } = {}) {
  const server = createServer((request, response) => {
    onRequest(request);
    const { pathname } = new URL(request.url, "http://localhost");
    const prefix = Object.keys(roots).find((prefix) => pathname.startsWith(prefix));
    const path = prefix && join(roots[prefix], normalize("/" + decodeURIComponent(pathname.slice(prefix.length))));
    const status = path && statSync(path, { throwIfNoEntry: false });
    if (!status?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    const { size } = status;
    const about = { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream", ...headers };
    const range = ranges && request.headers.range?.match(/^bytes=(\d+)-(\d+)$/);
    if (range) {
      const [start, end] = [Number(range[1]), Math.min(Number(range[2]), size - 1)];
      if (start > end) {
        response.writeHead(416, { "Content-Range": `bytes */${size}` }).end();
        return;
      }
      response.writeHead(206, {
        ...about,
        "Content-Range": `bytes ${start}-${end}/${size}`,
        "Content-Length": end - start + 1,
      });
      send(createReadStream(path, { start, end }), response);
      return;
    }
    response.writeHead(200, { ...about, "Content-Length": size });
    if (request.method === "HEAD") {
      response.end();
    } else {
      send(createReadStream(path), response);
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  return {
    origin: `http://127.0.0.1:${port}`,
    url: (path) => new URL(path, `http://127.0.0.1:${port}`),
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

function send(stream, response) {
  response.on("close", () => stream.destroy());
  stream.pipe(response);
}
