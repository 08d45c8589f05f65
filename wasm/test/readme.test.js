// The examples of README.md: those in JavaScript are run, those in TypeScript compiled.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { open } from "../pkg/js/node.js";
import { launch, skip, visit } from "./support/chromium.js";
import { digestOfFile } from "./support/content.js";
import { demoImage, demoRestored, disk } from "./support/fixtures.js";
import { project, tools } from "./support/project.js";
import { serve } from "./support/server.js";

const text = readFileSync(fileURLToPath(new URL("../README.md", import.meta.url)), "utf8");
const all = [...text.matchAll(/^```(js|ts)\n(.*?)^```$/gms)].map(([, language, code]) => ({ language, code }));
/** Programs with a name on their first line, which are run as such. */
const nameOf = ({ code }) => /^\/\/ (\S+\.js)\n/.exec(code)?.[1];
const blocks = all.filter((block) => !nameOf(block));
let folder;

before(() => {
  folder = project("readme");
  copyFileSync(demoImage(), join(folder, "backup.img"));
  copyFileSync(disk(), join(folder, "disk.img"));
});

const printed = [/^Demo 961\nsound\n\/Compressed directory 0 .+\n[^]*\n\d+\n$/, /^my own source\n$/, /^\d+ \[[^]*isNtfs: true[^]*\]\n$/, /^17825792\n$/, /^$/, /^[a-z-]+ .+\n$/s];

test("there are examples", () => {
  assert.equal(blocks.filter(({ language }) => language === "js").length, printed.length);
  assert.ok(blocks.some(({ language }) => language === "ts"));
});

blocks
  .filter(({ language }) => language === "js")
  .forEach(({ code }, index) => {
    test(`example ${index + 1}`, async () => {
      rmSync(join(folder, "volume.raw"), { force: true });
      writeFileSync(join(folder, "example.js"), code);
      const { status, stdout, stderr } = spawnSync(process.execPath, ["example.js"], { cwd: folder, encoding: "utf8" });
      assert.equal(status, 0, stderr);
      assert.equal(stderr, "");
      assert.match(stdout, printed[index]);
      if (code.includes("volume.raw")) {
        assert.deepEqual(await digestOfFile(join(folder, "volume.raw")), await digestOfFile(demoRestored()));
      }
    });
  });

const recipes = Object.fromEntries(all.filter(nameOf).map((block) => [nameOf(block), block.code]));

function recipe(name) {
  writeFileSync(join(folder, name), recipes[name]);
  return name;
}

test("there are recipes", () => assert.deepEqual(Object.keys(recipes), ["server.js", "extract.js", "widget.js"]));

test("recipe: a server", async () => {
  const server = spawn(process.execPath, [recipe("server.js")], { cwd: folder, env: { ...process.env, PORT: "0" }, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [port] = await once(server.stdout, "data");
    const get = (path, headers = {}) => fetch(`http://localhost:${Number(port)}${path}`, { headers });
    const image = await open(demoImage());
    const expected = Buffer.from(await image.readFile("/Report.txt"));
    await image.close();
    const whole = await get("/report.TXT");
    assert.equal(whole.status, 200);
    assert.ok(expected.equals(Buffer.from(await whole.arrayBuffer())));
    for (const [range, start, end] of [["bytes=10-19", 10, 20], ["bytes=149990-", 149_990, 150_000], ["bytes=0-999999", 0, 150_000]]) {
      const part = await get("/Report.txt", { Range: range });
      assert.equal(part.status, 206);
      assert.equal(part.headers.get("content-range"), `bytes ${start}-${end - 1}/150000`);
      assert.ok(expected.subarray(start, end).equals(Buffer.from(await part.arrayBuffer())));
    }
    for (const [path, range, status] of [["/none", undefined, 404], ["/Letters", undefined, 403], ["/Report.txt", "bytes=150000-", 416], ["/../x", undefined, 404]]) {
      assert.equal((await get(path, range && { Range: range })).status, status, path);
    }
  } finally {
    server.kill();
  }
});

test("recipe: a command", async () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [recipe("extract.js"), "backup.img", "letters/**/*1*.txt", "out"], { cwd: folder, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  const image = await open(demoImage());
  const files = stdout.trim().split("\n");
  assert.equal(files.length, 4);
  for (const file of files) {
    const path = `/${relative(join(folder, "out"), file)}`;
    assert.ok(readFileSync(file).equals(await image.readFile(path)), path);
  }
  await image.close();
});

test("recipe: a widget", { skip }, async () => {
  recipe("widget.js");
  const imports = JSON.stringify({ imports: { ntfsclone: "/node_modules/ntfsclone/js/browser.js" } });
  writeFileSync(join(folder, "widget.html"), `<!doctype html><link rel="icon" href="data:,"><script type="importmap">${imports}</script><input type="file"><ul></ul><script type="module" src="widget.js"></script>`);
  const [server, browser] = [await serve({ "/": folder }), await launch()];
  try {
    const { page, complaints } = await visit(browser, server.url("/widget.html"));
    await page.setInputFiles("input", demoImage());
    await page.getByRole("button", { name: "Letters" }).click();
    const downloading = page.waitForEvent("download");
    await page.getByRole("button", { name: "The same report.txt" }).click();
    const download = await downloading;
    assert.equal(download.suggestedFilename(), "The same report.txt");
    const image = await open(demoImage());
    assert.ok(readFileSync(await download.path()).equals(await image.readFile("/Report.txt")));
    await image.close();
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
    await server.close();
  }
});

test("examples in TypeScript", () => {
  const files = blocks
    .filter(({ language }) => language === "ts")
    .map(({ code }, index) => {
      const name = `example-${index}.ts`;
      writeFileSync(join(folder, name), `${code}\nexport {};\n`);
      return name;
    });
  const options = "--ignoreConfig --noEmit --strict --target es2022 --module esnext --moduleResolution bundler --lib es2023,dom,dom.iterable";
  const { status, stdout } = spawnSync(join(tools, "tsc"), [...options.split(" "), "--types", "", ...files], {
    cwd: folder,
    encoding: "utf8",
  });
  assert.equal(status, 0, stdout);
});
