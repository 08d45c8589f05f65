// What is decompressed is kept in the storage of the origin, as long as it is open.

import { afterEach, expect, test, vi } from "vitest";
import { open } from "ntfsclone";

async function folder() {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle("ntfsclone-temporary", { create: true });
}

async function kept() {
  const names = [];
  for await (const name of (await folder()).keys()) {
    names.push(name);
  }
  return names.length;
}

async function compressed(name = "demo.ntfs") {
  const { body } = await fetch(`/${name}`);
  return new Response(body.pipeThrough(new CompressionStream("gzip"))).blob();
}

afterEach(async () => {
  vi.restoreAllMocks();
  expect(await kept()).toBe(0);
});

test("on a page", async () => {
  const image = await open(await compressed());
  expect(await kept()).toBe(1);
  expect(image.info().layers).toEqual(["gzip"]);
  expect((await image.validate()).sound).toBe(true);
  await image.close();
});

test("in a worker", async () => {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  const told = await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = reject;
    compressed().then((blob) => worker.postMessage(blob));
  });
  worker.terminate();
  expect(told).toMatchObject({ info: { layers: ["gzip"] }, report: { sound: true }, length: 48 << 20 });
});

test("what is small stays in memory", async () => {
  const image = await open(await compressed("demo.img"));
  expect(await kept()).toBe(0);
  await image.close();
});

test("that of a page that is gone is removed, that of another is left alone", async () => {
  const image = await open(await compressed());
  const frame = document.createElement("iframe");
  frame.src = "/test/browser/other.html";
  document.body.append(frame);
  await new Promise((resolve) => addEventListener("message", resolve, { once: true }));
  expect(await kept()).toBe(2);
  const held = async () => (await navigator.locks.query()).held.filter(({ name }) => name.startsWith("ntfsclone")).length;
  expect(await held()).toBe(2);
  frame.remove();
  await vi.waitFor(async () => expect(await held()).toBe(1));
  expect(await kept()).toBe(2);
  const again = await open(await compressed());
  expect(await kept()).toBe(2);
  await again.close();
  expect(await image.read(0, 512)).toHaveLength(512);
  await image.close();
});

test("nothing is left of what was stopped", async () => {
  const controller = new AbortController();
  const onProgress = ({ done, total }) => done > 0.9 * total && controller.abort();
  await expect(open(await compressed(), { signal: controller.signal, onProgress })).rejects.toMatchObject({ name: "AbortError" });
});

test("a stream that is cut", async () => {
  const blob = await compressed();
  const cut = blob.slice(0, blob.size - 5);
  await expect(open(cut)).rejects.toMatchObject({ code: "compressed-data", offset: cut.size });
});

test("without room for it", async () => {
  const full = new DOMException("no room is left", "QuotaExceededError");
  vi.spyOn(FileSystemWritableFileStream.prototype, "write").mockRejectedValue(full);
  await expect(open(await compressed())).rejects.toMatchObject({ code: "storage", cause: full });
});

test("without a place for it", async () => {
  vi.spyOn(StorageManager.prototype, "getDirectory").mockRejectedValueOnce(new DOMException("not here", "SecurityError"));
  await expect(open(await compressed())).rejects.toMatchObject({ code: "storage", message: /decompress it first/ });
});
