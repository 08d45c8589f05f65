// Each way to name the module, in a process of its own: only the first counts.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { demoImage } from "./support/fixtures.js";
import { serve } from "./support/server.js";

const entry = new URL("../pkg/js/node.js", import.meta.url).href;
const wasm = new URL("../pkg/js/ntfsclone_bg.wasm", import.meta.url);
const codecs = new URL("../pkg/js/ntfsclone_codecs_bg.wasm", import.meta.url);
const deferred = new URL("../pkg/js/ntfsclone_deferred_bg.wasm", import.meta.url);

/** Runs the script, which can use all of the package, readFileSync, and the image's `path`. */
function run(script, environment = {}) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "--eval", `import * as ntfsclone from ${JSON.stringify(entry)};
      import { readFileSync } from "node:fs";
      const { init, open } = ntfsclone;
      import { lz4Frame } from ${JSON.stringify(new URL("./consumers/lz4-frame.js", import.meta.url).href)};
      const codecs = new URL(${JSON.stringify(codecs.href)});
      const deferred = new URL(${JSON.stringify(deferred.href)});
      const validate = async () => {
        const image = await open(path);
        try { return (await image.validate()).sound; } finally { await image.close(); }
      };
      const wasm = new URL(${JSON.stringify(wasm.href)}), path = ${JSON.stringify(demoImage())};
      ${script}
      const image = await open(path);
      console.log(image.info().volume.label);
      await image.close();`],
    { encoding: "utf8", env: { ...process.env, ...environment } },
  );
  assert.equal(stderr, "");
  assert.equal(status, 0);
  assert.equal(stdout, "Demo\n");
}

for (const [name, script] of Object.entries({
  nothing: "",
  "a file URL": "await init(wasm);",
  bytes: "await init(new Uint8Array(readFileSync(wasm)));",
  "an ArrayBuffer": "await init(new Uint8Array(readFileSync(wasm)).buffer);",
  "a module": "await init(await WebAssembly.compile(readFileSync(wasm)));",
  "a Response": "await init(new Response(readFileSync(wasm), { headers: { 'Content-Type': 'application/wasm' } }));",
  "a promise": "await init(Promise.resolve(new Uint8Array(readFileSync(wasm))));",
  "several at once": "await Promise.all([init(), init(), open(path).then((image) => image.close())]);",
  "a failed one, and another": `await init(new Uint8Array(8)).then(() => process.exit(3), (error) => {
      if (!(error instanceof ntfsclone.NtfscloneError) || error.code !== "load" || !error.cause) throw error;
    });
    await init(wasm);`,
  "the decoders": `await init(wasm, readFileSync(codecs));
    await (await open(lz4Frame(readFileSync(path)))).close();`,
  "decoders that are not needed, and cannot be loaded": `await init(wasm, new Uint8Array(8));
    await open(lz4Frame(readFileSync(path))).then(() => process.exit(3), (error) => {
      if (!(error instanceof ntfsclone.NtfscloneError) || error.code !== "load" || !error.cause) throw error;
    });`,
  "the deferred part: a file URL": "await init(wasm, codecs, deferred); if (!(await validate())) process.exit(3);",
  "the deferred part: bytes": "await init(wasm, codecs, readFileSync(deferred)); if (!(await validate())) process.exit(3);",
  "the deferred part: a module": `await init(wasm, codecs, WebAssembly.compile(readFileSync(deferred)));
    if (!(await validate())) process.exit(3);`,
  "the deferred part: a Response": `await init(wasm, codecs, new Response(readFileSync(deferred)));
    if (!(await Promise.all([validate(), validate()])).every(Boolean)) process.exit(3);`,
  "a deferred part that is another module": `await init(wasm, codecs, codecs);
    const first = await open(path);
    const content = () => first.content(0).getReader().read();
    for (const work of [() => first.validate(), () => first.convert("raw").getReader().read(), () => first.remains(), content]) {
      await work().then(() => process.exit(3), (error) => {
        if (!(error instanceof ntfsclone.NtfscloneError) || error.code !== "load" || !error.cause) throw error;
        if (!/ntfsclone_deferred_bg.wasm/.test(error.message)) throw error;
      });
    }
    // All else is in the first module.
    if ((await first.extents()).length === 0 || (await first.read(0, 4096)).length !== 4096) process.exit(3);
    let names = 0;
    for await (const { files = [] } of first.survey()) names += files.length;
    if (names === 0) process.exit(3);
    await first.close();`,
})) {
  test(`init: ${name}`, () => run(script));
}

let server;
before(async () => (server = await serve({ "/": dirname(fileURLToPath(wasm)) })));
after(() => server.close());

test("init: an http URL", async () => {
  // The server is in this process: it cannot answer while a child is waited for.
  const { spawn } = await import("node:child_process");
  const script = `import { init, open } from ${JSON.stringify(entry)};
    await init(new URL(${JSON.stringify(server.url("/ntfsclone_bg.wasm").href)}));
    const image = await open(${JSON.stringify(demoImage())});
    process.exitCode = image.info().volume.label === "Demo" ? 0 : 1;
    await image.close();`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: "inherit" });
  assert.equal(await new Promise((resolve) => child.on("exit", resolve)), 0);
});

test("init: a deferred part that cannot be fetched is fetched again when it is needed next", async () => {
  const { spawn } = await import("node:child_process");
  const script = `import { init, open } from ${JSON.stringify(entry)};
    const real = globalThis.fetch;
    let fails = true;
    let count = 0;
    globalThis.fetch = (...args) => {
      count += 1;
      return fails ? Promise.reject(new TypeError("fetch failed")) : real(...args);
    };
    await init(undefined, undefined, new URL(${JSON.stringify(server.url("/ntfsclone_deferred_bg.wasm").href)}));
    const image = await open(${JSON.stringify(demoImage())});
    if (count !== 0) throw new Error("was fetched before it was needed");
    const error = await image.validate().then(() => undefined, (error) => error);
    if (error?.code !== "load" || !/ntfsclone_deferred_bg.wasm.*fetch failed/.test(error.message)) throw error;
    fails = false;
    const reports = await Promise.all([image.validate(), image.validate()]);
    process.exitCode = reports.every(({ sound }) => sound) && count === 2 ? 0 : 1;
    await image.close();`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: "inherit" });
  assert.equal(await new Promise((resolve) => child.on("exit", resolve)), 0);
});
