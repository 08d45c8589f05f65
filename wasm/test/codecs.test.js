// A decoder of the second module that crashes. In a file of its own: only the first `init` of a process counts.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import binaryen from "binaryen";
import { NtfscloneError, init, open } from "../pkg/js/node.js";
import { demoImage } from "./support/fixtures.js";

/** The second module, in which these functions do nothing but trap. */
function trapping(...names) {
  const module = binaryen.readBinary(readFileSync(new URL("../pkg/js/ntfsclone_codecs_bg.wasm", import.meta.url)));
  for (const name of names) {
    const { value } = binaryen.getExportInfo(module.getExport(name));
    binaryen.Function(module.getFunction(value)).body = module.unreachable();
  }
  return module.emitBinary();
}

test("a decoder that crashes takes nothing else with it", async () => {
  const bytes = readFileSync(demoImage());
  await init(undefined, trapping("decoder_decode", "compressor_compress"));
  const image = await open(bytes);
  for (const source of [gzipSync(bytes), gzipSync(gzipSync(bytes)), gzipSync(bytes)]) {
    const error = await open(source).then(assert.fail, (error) => error);
    assert.ok(error instanceof NtfscloneError, error.stack);
    assert.equal(error.code, "crashed");
    assert.match(error.message, /codecs/);
    assert.ok(error.cause instanceof WebAssembly.RuntimeError);
  }
  const attempts = [1, 2, 3].map(() => open(gzipSync(bytes)).then(assert.fail, ({ code }) => code));
  assert.deepEqual(await Promise.all(attempts), ["crashed", "crashed", "crashed"]);
  const compressing = image.convert("raw", { compress: true });
  await assert.rejects(compressing.pipeTo(new WritableStream()), { code: "crashed", message: /codecs/ });
  assert.equal((await image.validate()).sound, true);
  const another = await open(bytes);
  assert.equal(another.info().volume.label, "Demo");
  await another.close();
  await image.close();
});
