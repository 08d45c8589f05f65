// Whatever a browser has to open.

import { expect, inject, test } from "vitest";
import { userEvent } from "vitest/browser";
import { NtfscloneError, open } from "ntfsclone";

const { length, sha256 } = inject("restored");
const files = inject("files");

/** The file as somebody would choose it. */
async function chosen(path) {
  const input = document.createElement("input");
  input.type = "file";
  document.body.replaceChildren(input);
  await userEvent.upload(input, path);
  return input.files[0];
}

async function hash(stream) {
  const bytes = await new Response(stream).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return { length: bytes.byteLength, sha256: [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("") };
}

async function fetched(name) {
  return (await fetch(`/${name}`)).blob();
}

for (const { name, path, info, report } of files) {
  test(`a File that was chosen: ${name}`, async () => {
    const image = await open(await chosen(path));
    expect(image.info()).toEqual(info);
    expect(await image.validate()).toEqual(report);
    if (report.sound) {
      expect(await hash(image.convert("raw"))).toEqual({ length, sha256 });
    } else {
      await expect(image.convert("raw").pipeTo(new WritableStream())).rejects.toThrow(NtfscloneError);
      await expect(image.validate({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: "AbortError" });
    }
    await image.close();
  });
}

test("a File in a worker", async () => {
  const [{ path, info, report }] = files;
  const file = await chosen(path);
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  const told = await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = reject;
    worker.postMessage(file);
  });
  worker.terminate();
  expect(told).toEqual({ info, report, length });
});

test("a Blob", async () => {
  const image = await open(await fetched("demo.img"));
  expect(image.info()).toMatchObject({ source: "blob", volume: { label: "Demo" } });
  expect(await hash(image.convert("raw"))).toEqual({ length, sha256 });
  await image.close();
});

test("a FileSystemFileHandle, and a conversion into another", async () => {
  const directory = await navigator.storage.getDirectory();
  const handle = await directory.getFileHandle("copy.img", { create: true });
  await (await fetched("demo.img")).stream().pipeTo(await handle.createWritable());
  const image = await open(handle);
  expect(image.info()).toMatchObject({ source: "copy.img", volume: { label: "Demo" } });
  const output = await directory.getFileHandle("volume.raw", { create: true });
  await image.convert("raw").pipeTo(await output.createWritable());
  await image.close();
  const volume = await open(output);
  expect((await volume.validate()).sound).toBe(true);
  await volume.close();
  expect(await hash((await output.getFile()).stream())).toEqual({ length, sha256 });
});

test("a URL: only parts are fetched", async () => {
  const url = new URL("/demo.ntfs", location.href);
  const image = await open(url);
  const parts = performance.getEntriesByName(url.href);
  const bytes = parts.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0);
  expect(image.info().volume.label).toBe("Demo");
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThan(length / 2);
  await image.close();
});

test("a URL of another origin that shows no Content-Range", async () => {
  const image = await open(new URL("/demo.img", inject("otherOrigin")));
  expect(image.info().volume.label).toBe("Demo");
  await image.close();
});

test("a string is no source here", async () => {
  await expect(open("/a/path")).rejects.toMatchObject({ code: "argument" });
});

test("the page stays alive while a long check runs", async () => {
  const image = await open(await fetched("demo.ntfs"));
  let [last, longest, isRunning] = [performance.now(), 0, true];
  const tick = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (isRunning) {
      setTimeout(tick);
    }
  };
  tick();
  for (let count = 0; count < 10; count += 1) {
    await image.validate();
    await image.convert("ntfsclone").pipeTo(new WritableStream());
  }
  isRunning = false;
  await image.close();
  expect(longest).toBeLessThan(200);
});
