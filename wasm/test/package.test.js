// What is in the package, and whether the tools of those who use it agree with it.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";
import { tarball } from "./support/fixtures.js";
import { tools } from "./support/project.js";

const read = (path) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");

/** Must have nothing to complain of. */
function check(tool, ...args) {
  const { status, stdout, stderr } = spawnSync(join(tools, tool), args, { encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
}

test("publint", () => check("publint", "run", tarball, "--strict"));

test("are the types wrong?", () => check("attw", tarball, "--profile", "esm-only", "--exclude-entrypoints", "ntfsclone_bg.wasm", "ntfsclone_codecs_bg.wasm", "ntfsclone_deferred_bg.wasm"));

test("size, files and manifest", () => {
  assert.ok(statSync(tarball).size <= 582 << 10, `${statSync(tarball).size} bytes`);
  const files = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).trim().split("\n");
  for (const file of ["LICENSE-MIT", "LICENSE-APACHE", "README.md", "js/node.js", "js/browser.d.ts", "js/ntfsclone_bg.wasm", "js/ntfsclone_codecs_bg.wasm", "js/ntfsclone_deferred_bg.wasm", "js/loaded-module.d.ts"]) {
    assert.ok(files.includes(`package/${file}`), file);
  }
  assert.deepEqual(files.filter((file) => /node_modules|test|\.ts$/.test(file) && !file.endsWith(".d.ts")), []);
  const manifest = JSON.parse(execFileSync("tar", ["-xzOf", tarball, "package/package.json"], { encoding: "utf8" }));
  for (const field of ["dependencies", "devDependencies", "scripts", "private"]) {
    assert.equal(manifest[field], undefined, field);
  }
  assert.match(read("../../Cargo.toml"), new RegExp(`^version = "${manifest.version}"$`, "m"));
  assert.equal(JSON.parse(read("../package.json")).version, manifest.version);
});

test("size of what a page loads at first, and of what it loads when that is needed", () => {
  const entryPoints = [fileURLToPath(new URL("../pkg/js/browser.js", import.meta.url))];
  const { outputFiles } = buildSync({ entryPoints, bundle: true, minify: true, format: "esm", write: false });
  const module = (name) => readFileSync(new URL(`../pkg/js/${name}.wasm`, import.meta.url));
  const parts = [outputFiles[0].contents, module("ntfsclone_bg"), module("ntfsclone_deferred_bg"), module("ntfsclone_codecs_bg")];
  const [scripts, first, deferred, codecs] = parts.map((bytes) => gzipSync(bytes, { level: 9 }).length);
  assert.ok(scripts + first < 224 << 10, `${scripts} + ${first} bytes`);
  assert.ok(deferred < 225 << 10, `${deferred} bytes`);
  assert.ok(codecs < 100 << 10, `${codecs} bytes`);
});

test("the lock file works with every registry", () => {
  const { packages } = JSON.parse(read("../package-lock.json"));
  for (const [name, { resolved }] of Object.entries(packages)) {
    assert.ok(resolved === undefined || resolved.startsWith("https://registry.npmjs.org/"), `${name}: ${resolved}`);
  }
});
