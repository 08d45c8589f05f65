// What goes wrong is told, and the next thing goes well.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { NtfscloneError, init, open } from "../pkg/js/node.js";
import bind from "../pkg/js/ntfsclone.js";
import { digest, digestOfFile } from "./support/content.js";
import { cutImage, damagedCompressed, demoCompressed, demoImage, demoRestored } from "./support/fixtures.js";

const bytes = readFileSync(demoImage());

async function opensWell() {
  const image = await open(bytes);
  assert.deepEqual(await digest(image.convert("raw")), await digestOfFile(demoRestored()));
  await image.close();
}

test("an error is an Error, with a code for programs", async () => {
  const error = await open(new Uint8Array(100_000)).then(assert.fail, (error) => error);
  assert.ok(error instanceof NtfscloneError && error instanceof Error);
  assert.equal(error.name, "NtfscloneError");
  assert.match(error.code, /^[a-z-]+$/);
  assert.ok(error.message.length > 10);
  await opensWell();
});

for (const [name, source] of Object.entries({
  nothing: () => new Uint8Array(0),
  "a byte": () => new Uint8Array(1),
  "the start of an image": () => bytes.subarray(0, 40),
  zeros: () => new Uint8Array(5 << 20),
  text: () => new TextEncoder().encode("not an image\n".repeat(10_000)),
  "an image with another magic": () => bytes.map((byte, at) => (at === 3 ? byte ^ 1 : byte)),
})) {
  test(`not an image: ${name}`, async () => {
    await assert.rejects(open(source()), NtfscloneError);
    await opensWell();
  });
}

test("an image cut short: the report tells, a conversion fails where it ends", async () => {
  const cut = readFileSync(cutImage());
  const image = await open(cut);
  const report = await image.validate();
  assert.equal(report.sound, false);
  assert.equal(report.findings[0].code, "image-truncated");
  await assert.rejects(digest(image.convert("raw")), (error) => {
    assert.ok(error instanceof NtfscloneError);
    assert.equal(error.offset, cut.length);
    return true;
  });
  await image.close();
  await opensWell();
});

test("a damaged frame: conversions fail, the report tells", async () => {
  const image = await open(damagedCompressed());
  await assert.rejects(digest(image.convert("raw")), NtfscloneError);
  const report = await image.validate();
  assert.equal(report.sound, false);
  await image.close();
  await opensWell();
});

test("damage in a compressed image has the same code whatever is made of it", async () => {
  const image = await open(damagedCompressed());
  for (const target of ["raw", "ntfsclone", "vhdx"]) {
    await assert.rejects(digest(image.convert(target)), { code: "compressed-data" }, target);
  }
  await image.close();
  // A frame with records of files: those are read for metadata.
  const compressed = readFileSync(demoCompressed());
  let refused = 0;
  for (let part = 1; part < 20; part += 1) {
    const damaged = Buffer.from(compressed);
    damaged[Math.floor((damaged.length * part) / 20)] ^= 0xff;
    const error = await open(damaged).then((image) => digest(image.convert("metadata")).finally(() => image.close())).catch((error) => error);
    if (error instanceof Error) {
      assert.equal(error.code, "compressed-data", `${part}: ${error.message}`);
      refused += 1;
    }
  }
  assert.ok(refused > 0);
});

test("a source that fails is the cause; the same image goes on when it answers again", async () => {
  const failure = new Error("the cable is loose");
  let fails = false;
  const source = {
    size: bytes.length,
    async read(offset, length) {
      if (fails) {
        throw failure;
      }
      return bytes.subarray(offset, offset + length);
    },
  };
  const image = await open(source);
  fails = true;
  await assert.rejects(digest(image.convert("raw")), (error) => {
    assert.ok(error instanceof NtfscloneError);
    assert.equal(error.code, "read");
    assert.equal(error.cause, failure);
    assert.equal(typeof error.offset, "number");
    return true;
  });
  fails = false;
  assert.deepEqual(await digest(image.convert("raw")), await digestOfFile(demoRestored()));
  await image.close();
  await assert.rejects(open({ ...source, read: () => Promise.reject(failure) }), { code: "read", cause: failure });
  await assert.rejects(
    open({
      size: 10,
      read: () => {
        throw failure;
      },
    }),
    { code: "read", cause: failure },
  );
});

test("a source that answers wrongly is named", async () => {
  const size = bytes.length;
  await assert.rejects(open({ size, read: (offset, length) => bytes.subarray(offset, offset + length - 1), name: "short" }), {
    code: "read",
    message: /short/,
  });
  await assert.rejects(open({ size, read: (_, length) => new Uint8Array(length + 1) }), { code: "read" });
  await assert.rejects(open({ size, read: () => "text" }), { code: "argument" });
  await assert.rejects(open({ size, read: () => undefined }), { code: "argument" });
});

test("wrong arguments are refused", async () => {
  const image = await open(bytes);
  assert.throws(() => image.convert("tape"), NtfscloneError);
  assert.throws(() => image.convert("raw", { compress: 23 }), NtfscloneError);
  assert.throws(() => image.convert("raw", { compress: -1 }), NtfscloneError);
  await image.close();
});

test("init is idempotent, and open does it by itself", async () => {
  await init();
  await init(new URL("file:///no/such/module.wasm"));
  await opensWell();
});

test("after a crash of the module open images are lost, and the next open works", async () => {
  const [first, second] = [await open(bytes), await open(bytes)];
  const { memory } = await bind();
  // A defect would be needed for a real one: whatever the module keeps in its memory is overwritten.
  new Uint8Array(memory.buffer).fill(0xff, 1024);
  const crash = await first.validate().then(assert.fail, (error) => error);
  assert.ok(crash instanceof NtfscloneError, crash.stack);
  assert.equal(crash.code, "crashed");
  await assert.rejects(second.validate(), { code: "crashed" });
  await opensWell();
  await assert.rejects(first.validate(), { code: "crashed" });
  await first.close();
  await second.close();
  await opensWell();
});
