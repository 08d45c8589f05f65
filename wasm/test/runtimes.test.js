// The package as it would be installed, in the runtimes it says it runs in.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { before, test } from "node:test";
import { digestOfFile } from "./support/content.js";
import { demoCompressed, demoImage, demoRestored } from "./support/fixtures.js";
import { project, tools } from "./support/project.js";

let script;

before(() => {
  script = join(project("runtimes", ["runtimes"]), "runtimes/look.js");
});

const runtimes = {
  Node: [process.execPath],
  Deno: [join(tools, "deno"), "run", "--allow-read"],
  Bun: [join(tools, "bun")],
};

for (const [runtime, [program, ...words]] of Object.entries(runtimes)) {
  test(runtime, async () => {
    const { sha256: digest, length: size } = await digestOfFile(demoRestored());
    for (const image of [demoImage(), demoCompressed()]) {
      const output = execFileSync(program, [...words, script, image], { encoding: "utf8", timeout: 60_000 });
      assert.deepEqual(JSON.parse(output), { label: "Demo", sound: true, size, digest });
    }
  });
}
