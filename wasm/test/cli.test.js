// The small program of the package.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { digestOfFile } from "./support/content.js";
import { cutImage, demoImage, demoRestored, demoVolume, disk, ntfsclone, ntfscloneMayFail, scratch } from "./support/fixtures.js";

const folder = scratch("cli");
const cli = fileURLToPath(new URL("../pkg/js/cli.js", import.meta.url));

function run(...args) {
  return spawnSync(process.execPath, [cli, ...args], { maxBuffer: 1 << 28 });
}

function check(args, expected) {
  const { status, stdout, stderr } = run(...args);
  assert.deepEqual({ status, stdout: String(stdout), stderr: String(stderr) }, { stderr: "", ...expected });
}

test("info and verify say what the other program says", () => {
  check(["info", demoImage()], { status: 0, stdout: ntfsclone("info", "--json", demoImage()) });
  check(["verify", "--json", demoImage()], { status: 0, stdout: ntfsclone("verify", "--json", demoImage()) });
  check(["verify", "--json", cutImage()], { status: 1, stdout: ntfscloneMayFail("verify", "--json", cutImage()) });
  check(["verify", demoVolume()], { status: 0, stdout: "sound\n" });
  assert.equal(JSON.parse(run("info", "--partition", "2", disk()).stdout).volume.label, "Demo");
});

test("of a disk, info takes the only partition with NTFS, and verify wants its number", () => {
  assert.deepEqual(JSON.parse(run("info", disk()).stdout).layers, ["partition 2"]);
  check(["verify", disk()], { status: 1, stdout: "", stderr: "ntfsclone: it is a whole disk; name the partition\n" });
  check(["verify", "--partition", "2", disk()], { status: 0, stdout: "sound\n" });
});

test("verify names what is wrong", () => {
  const { status, stdout } = run("verify", cutImage());
  assert.equal(status, 1);
  assert.match(String(stdout), /^error: the image is truncated: it ends after [0-9,]+ bytes, inside cluster [0-9,]+\n.*take another copy/);
  assert.match(String(stdout), /not sound; \d+ errors\n$/);
});

test("convert writes a new file, or standard output", async () => {
  const output = join(folder, "volume.raw");
  check(["convert", "-o", output, demoImage()], { status: 0, stdout: "" });
  const expected = await digestOfFile(demoRestored());
  assert.deepEqual(await digestOfFile(output), expected);
  const { status, stdout } = run("convert", "--to", "ntfsclone", "-o", "-", demoVolume());
  assert.equal(status, 0);
  assert.ok(stdout.equals(readFileSync(demoImage())));
  const again = run("convert", "-o", output, cutImage());
  assert.equal(again.status, 1);
  assert.match(String(again.stderr), /EEXIST/);
  assert.deepEqual(await digestOfFile(output), expected, "what is there stays");
  const compressed = join(folder, "volume.img.zst");
  check(["convert", "--to", "ntfsclone", "--compress", "3", "-o", compressed, demoVolume()], { status: 0, stdout: "" });
  assert.ok(JSON.parse(ntfsclone("verify", "--json", compressed)).sound);
});

test("a conversion that fails leaves nothing", () => {
  const output = join(folder, "failed.raw");
  const { status, stderr } = run("convert", "-o", output, cutImage());
  assert.equal(status, 1);
  assert.match(String(stderr), /^ntfsclone: /);
  assert.ok(!existsSync(output));
  assert.deepEqual(partsIn(folder), []);
});

test("a name may be as long as names can be", () => {
  const inside = scratch("cli-names");
  for (const name of ["a".repeat(255), "漢".repeat(85), "😀".repeat(63)]) {
    check(["convert", "-o", join(inside, name), demoImage()], { status: 0, stdout: "" });
    assert.deepEqual(readdirSync(inside), [name]);
    rmSync(join(inside, name));
  }
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"]) {
  test(`a conversion that ${signal} ends leaves nothing under the name`, { timeout: 60_000 }, async () => {
    const inside = scratch(`cli-${signal}`);
    const output = join(inside, "volume.raw");
    const child = spawn(process.execPath, [cli, "convert", "--to", "ntfsclone", "--compress", "22", "-o", output, demoVolume()]);
    const ended = new Promise((resolve) => child.on("exit", (code, by) => resolve(by ?? code)));
    while (partsIn(inside).length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    child.kill(signal);
    assert.equal(await ended, signal);
    assert.ok(!existsSync(output));
    assert.equal(partsIn(inside).length, signal === "SIGKILL" ? 1 : 0);
  });
}

function partsIn(path) {
  return readdirSync(path).filter((name) => name.endsWith(".part"));
}

test("wrong usage", () => {
  for (const args of [[], ["info"], ["frobnicate", "a"], ["info", "a", "b"], ["info", "--nothing", "a"], ["info", "--partition", "x", "a"]]) {
    assert.equal(run(...args).status, 2, args.join(" "));
  }
  assert.equal(run("convert", demoImage()).status, 2);
  assert.equal(run("convert", "--to", "vmdk2", "-o", "x", demoImage()).status, 2);
  assert.equal(run("info", "/no/such/file").status, 1);
  assert.equal(run("--help").status, 0);
});
