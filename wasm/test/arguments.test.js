// A wrong argument is an error of that call alone.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FileError, NtfscloneError, open, openDisk } from "../pkg/js/node.js";
import { digest, digestOfFile } from "./support/content.js";
import { demoImage, demoRestored, disk } from "./support/fixtures.js";

const bytes = readFileSync(demoImage());
const read = async (stream) => {
  for await (const _ of stream);
};
const list = read;

const WRONG = {
  "a stream that is a list": (image) => image.content(0, { stream: ["a", "b"] }),
  "a stream that is null": (image) => image.content(0, { stream: null }),
  "a stream that is true": (image) => image.content(0, { stream: true }),
  "a record that is text": (image) => image.content("5"),
  "no format": (image) => image.convert(),
  "a format that is null": (image) => image.convert(null),
  "a format that is a number": (image) => image.convert(5),
  "a level that is a bigint": (image) => image.convert("raw", { compress: 1n }),
  "a level that is text": (image) => image.convert("raw", { compress: "9" }),
  "a level that is not a number": (image) => image.convert("raw", { compress: NaN }),
  "half a level": (image) => image.convert("raw", { compress: 1.5 }),
  "a level beyond 32 bits": (image) => image.convert("raw", { compress: 2 ** 32 + 3 }),
  "a partition table that is a number": (image) => image.convert("raw", { disk: 5 }),
  "a size that is text": (image) => image.convert("raw", { size: "max" }),
  "an option that does not exist": (image) => image.convert("raw", { level: 9 }),
  "a flag that is text": (image) => image.extents({ damaged: "no" }),
  "options that are null": (image) => image.validate(null),
  "options that are a number": (image) => image.validate(5),
  "a signal that is none": (image) => image.validate({ signal: {} }),
  "a callback that is none": (image) => image.validate({ onProgress: 5 }),
  "a position that is text": (image) => image.read("0", 1),
  "a position below 0": (image) => image.read(-1n, 1n),
  "an option of a survey that is none": (image) => list(image.survey({ stream: "a" })),
  "an array of 16 bits": () => open(new Uint16Array(8)),
  "a list of numbers": () => open([1, 2]),
  "shared memory": () => open(new SharedArrayBuffer(8)),
  "null for a source": () => open(null),
  "a name that is a number": () => open(demoImage(), { name: 5 }),
  "null for options of open": () => open(demoImage(), null),
  "a partition that is text": () => open(disk(), { partition: "2" }),
  "a partition of a whole disk": () => openDisk(disk(), { partition: 2 }),
  "an address that is text": () => open("https://example.org/a.img"),
  "a path that is a number": (image) => image.stat(5),
  "a path that is null": (image) => image.readFile(null),
  "a path that is a list": (image) => list(image.readdir(["a"])),
  "a start that is text": (image) => image.readFile("/Report.txt", { start: "0" }),
  "an efsRaw that is text": (image) => image.readFile("/Report.txt", { efsRaw: "yes" }),
  "an end below 0": (image) => image.readable("/Report.txt", { end: -1 }),
};

for (const [name, call] of Object.entries(WRONG)) {
  test(name, async () => {
    const [mine, other] = [await open(bytes), await open(bytes)];
    await assert.rejects(async () => call(mine), (error) => {
      assert.ok(error instanceof NtfscloneError || error instanceof FileError, error.stack);
      assert.equal((error.cause instanceof NtfscloneError ? error.cause : error).code, "argument", error.stack);
      return true;
    });
    for (const image of [mine, other]) {
      assert.equal((await image.stat("/Report.txt")).size, 150_000);
      await image.close();
    }
  });
}

test("what was loaded before goes on", async () => {
  const image = await open(bytes);
  const stream = image.convert("raw");
  for (const call of Object.values(WRONG)) {
    await assert.rejects(async () => call(image));
  }
  assert.deepEqual(await digest(stream), await digestOfFile(demoRestored()));
  await image.close();
});

test("positions can be bigints", async () => {
  const image = await open(bytes);
  assert.deepEqual(await image.read(512n, 10n), await image.read(512, 10));
  await image.close();
});
