// Projects that use the package as it would be published, each in its own way, and run in a browser.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { build as esbuild } from "esbuild";
import { build as vite } from "vite";
import webpack from "webpack";
import { launch, skip, visit } from "./support/chromium.js";
import { demoImage } from "./support/fixtures.js";
import { project } from "./support/project.js";
import { serve } from "./support/server.js";

let browser;
let folder;

before(async () => {
  folder = project("consumers", ["show.js", "lz4-frame.js", "vite", "webpack", "esbuild", "plain"]);
  if (!skip) {
    browser = await launch();
  }
});
after(() => browser?.close());

/** Visits the page there; it must show the label of the image. */
async function check(root, path) {
  const server = await serve({ "/fixtures/": dirname(demoImage()), "/": root });
  try {
    const { page, complaints } = await visit(browser, server.url(path));
    await page.waitForFunction(() => document.body.textContent.includes("sound"), undefined, { timeout: 20_000 }).catch(() => {});
    assert.deepEqual(complaints, []);
    assert.equal((await page.textContent("body")).trim(), "Demo: sound");
    await page.close();
  } finally {
    await server.close();
  }
}

const hasNodeImports = (text) => /["']node:/.test(text);

test("Vite", { skip }, async () => {
  const outDir = join(folder, "vite-dist");
  await vite({ root: join(folder, "vite"), logLevel: "error", build: { outDir, target: "es2022" } });
  const files = readdirSync(join(outDir, "assets"));
  assert.ok(files.some((file) => file.endsWith(".wasm")), `the module is among ${files}`);
  await check(outDir, "/index.html");
});

test("webpack", { skip }, async () => {
  const path = join(folder, "webpack-dist");
  const compiler = webpack({
    mode: "production",
    context: join(folder, "webpack"),
    entry: "./main.js",
    output: { path },
    performance: { hints: false },
  });
  const stats = await promisify(compiler.run.bind(compiler))();
  await promisify(compiler.close.bind(compiler))();
  const { errors, warnings, assets } = stats.toJson();
  assert.deepEqual([...errors, ...warnings].map(({ message }) => message), []);
  assert.ok(assets.some(({ name }) => name.endsWith(".wasm")), `the module is among ${assets.map(({ name }) => name)}`);
  copyFileSync(join(folder, "webpack/index.html"), join(path, "index.html"));
  await check(path, "/index.html");
});

test("esbuild", { skip }, async () => {
  const outdir = join(folder, "esbuild-dist");
  mkdirSync(outdir);
  const { metafile } = await esbuild({
    entryPoints: [join(folder, "esbuild/main.js")],
    bundle: true,
    format: "esm",
    target: "es2022",
    loader: { ".wasm": "file" },
    outdir,
    metafile: true,
    logLevel: "error",
  });
  assert.ok(!hasNodeImports(JSON.stringify(metafile.outputs)));
  copyFileSync(join(folder, "esbuild/index.html"), join(outdir, "index.html"));
  await check(outdir, "/index.html");
});

test("esbuild, with the modules copied beside the bundle", { skip }, async () => {
  const outdir = join(folder, "beside-dist");
  await esbuild({ stdin: { contents: 'import { show } from "./show.js"; await show();', resolveDir: folder }, bundle: true, format: "esm", target: "es2022", outfile: join(outdir, "main.js"), logLevel: "error" });
  copyModules(outdir);
  copyFileSync(join(folder, "esbuild/index.html"), join(outdir, "index.html"));
  await check(outdir, "/index.html");
});

/** Copies the modules of the package. */
function copyModules(to) {
  const from = join(folder, "node_modules/ntfsclone/js");
  readdirSync(from)
    .filter((file) => file.endsWith(".wasm"))
    .forEach((file) => copyFileSync(join(from, file), join(to, file)));
}

const LOOK = `async function look(path) {
  const image = await open(path);
  const { sound } = await image.validate();
  console.log(image.info().volume.label, sound);
  await image.close();
}
look(process.argv[2]);`;

test("a bundle for Node, with the modules beside it", async () => {
  const outdir = join(folder, "node-dist");
  const contents = `import { open } from "ntfsclone"; ${LOOK}`;
  await esbuild({ stdin: { contents, resolveDir: folder }, bundle: true, platform: "node", format: "esm", outfile: join(outdir, "main.mjs"), logLevel: "error" });
  copyModules(outdir);
  assert.equal(execFileSync(process.execPath, [join(outdir, "main.mjs"), demoImage()], { encoding: "utf8", cwd: "/" }), "Demo true\n");
});

test("a bundle for Node as CommonJS, in one file", async () => {
  const outfile = join(folder, "one-dist/main.cjs");
  const modules = ["wasm", "codecs", "deferred"];
  const imports = ["ntfsclone_bg", "ntfsclone_codecs_bg", "ntfsclone_deferred_bg"].map((file, index) => `import ${modules[index]} from "ntfsclone/${file}.wasm";`);
  const contents = `import { init, open } from "ntfsclone"; ${imports.join("")} init(${modules.join(", ")}); ${LOOK}`;
  await esbuild({ stdin: { contents, resolveDir: folder }, bundle: true, platform: "node", format: "cjs", target: "node20", loader: { ".wasm": "binary" }, outfile, logLevel: "error" });
  assert.equal(execFileSync(process.execPath, [outfile, demoImage()], { encoding: "utf8", cwd: "/" }), "Demo true\n");
});

test("no bundler: an import map and <script type=module>", { skip }, async () => {
  await check(folder, "/plain/index.html");
});

test("what is not used is left out", async () => {
  const { outputFiles } = await esbuild({
    stdin: { contents: 'import { NtfscloneError } from "ntfsclone"; console.log(NtfscloneError);', resolveDir: folder },
    bundle: true,
    format: "esm",
    write: false,
  });
  assert.ok(outputFiles[0].text.length < 2000, `${outputFiles[0].text.length} bytes are left`);
});

test("Node finds the package by its name, and `npx ntfsclone` its program", () => {
  const script = `import { open } from "ntfsclone";
    const image = await open(${JSON.stringify(demoImage())});
    console.log(image.info().volume.label);
    await image.close();`;
  const run = (program, ...args) => execFileSync(program, args, { cwd: folder, encoding: "utf8" });
  assert.equal(run(process.execPath, "--input-type=module", "--eval", script), "Demo\n");
  assert.equal(JSON.parse(run("npx", "--no-install", "ntfsclone", "info", demoImage())).volume.label, "Demo");
});
