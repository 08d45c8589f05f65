// Conversions into files of the browser; in workers, the module reads files by itself.

import { expect, inject, test } from "vitest";
import { open } from "ntfsclone";

const { length, sha256 } = inject("restored");

async function fetched(name) {
  return (await fetch(`/${name}`)).blob();
}

async function newFile(name) {
  const directory = await navigator.storage.getDirectory();
  await directory.removeEntry(name).catch(() => {});
  return directory.getFileHandle(name, { create: true });
}

async function hash(handle) {
  const bytes = await (await handle.getFile()).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return { length: bytes.byteLength, sha256: [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("") };
}

async function inWorker(message) {
  const worker = new Worker(new URL("./save-worker.js", import.meta.url), { type: "module" });
  const told = await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = reject;
    worker.postMessage(message);
  });
  worker.terminate();
  return told;
}

test("on a page", async () => {
  const image = await open(await fetched("demo.img"));
  const handle = await newFile("page.raw");
  expect((await image.save("raw", handle)).size).toBe(length);
  expect(await hash(handle)).toEqual({ length, sha256 });
  await image.close();
});

test("in a worker: of one Blob, of one in parts, and back", async () => {
  const blob = await fetched("demo.img");
  const cuts = [0, 1, 70_001, 1 << 20, (3 << 20) + 5, blob.size];
  const parts = cuts.slice(1).map((end, index) => blob.slice(cuts[index], end));
  for (const source of [blob, new File(parts, "parts.img")]) {
    const handle = await newFile("worker.raw");
    expect((await inWorker({ source, target: "raw", name: "worker.raw" })).saved.size).toBe(length);
    expect(await hash(handle)).toEqual({ length, sha256 });
  }
  const volume = await (await newFile("worker.raw")).getFile();
  expect(volume.size).toBe(0);
  expect(await inWorker({ source: volume, target: "raw", name: "other.raw" })).toMatchObject({ code: "not-ntfs" });
});

test("in a worker: what is decompressed is kept in the storage of the origin meanwhile", async () => {
  const { body } = await fetch("/demo.ntfs");
  const source = await new Response(body.pipeThrough(new CompressionStream("gzip"))).blob();
  const handle = await newFile("decompressed.raw");
  expect((await inWorker({ source, target: "raw", name: "decompressed.raw" })).saved.size).toBe(length);
  expect(await hash(handle)).toEqual({ length, sha256 });
  const told = await inWorker({ source, target: "raw", name: "decompressed.raw", isFull: true });
  expect(told).toMatchObject({ code: "storage" });
  expect(told.message).toMatch(/only \d+ of \d+ bytes were written/);
  const directory = await navigator.storage.getDirectory();
  const left = [];
  for await (const name of (await directory.getDirectoryHandle("ntfsclone-temporary")).keys()) {
    left.push(name);
  }
  expect(left).toEqual([]);
});

test("cancelled: the file is as it was", async () => {
  const handle = await newFile("cancelled.raw");
  const writable = await handle.createWritable();
  await writable.write("before");
  await writable.close();
  const image = await open(await fetched("demo.ntfs"));
  const controller = new AbortController();
  const saving = image.save("raw", handle, { signal: controller.signal, onProgress: () => controller.abort() });
  await expect(saving).rejects.toMatchObject({ name: "AbortError" });
  expect(await (await handle.getFile()).text()).toBe("before");
  await image.close();
});
