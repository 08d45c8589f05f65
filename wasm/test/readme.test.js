// The examples of README.md: those in JavaScript are run, those in TypeScript compiled.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { digestOfFile } from "./support/content.js";
import { demoImage, demoRestored, disk } from "./support/fixtures.js";
import { project, tools } from "./support/project.js";

const text = readFileSync(fileURLToPath(new URL("../README.md", import.meta.url)), "utf8");
const blocks = [...text.matchAll(/^```(js|ts)\n(.*?)^```$/gms)].map(([, language, code]) => ({ language, code }));
let folder;

before(() => {
  folder = project("readme");
  copyFileSync(demoImage(), join(folder, "backup.img"));
  copyFileSync(disk(), join(folder, "disk.img"));
});

const printed = [/^Demo 961\nsound\n$/, /^my own source\n$/, /^\d+ \[[^]*isNtfs: true[^]*\]\n$/, /^17825792\n$/, /^$/, /^log\.txt 1000000 \[\]\n1000000\n/m, /^[a-z-]+ .+\n$/s];

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
