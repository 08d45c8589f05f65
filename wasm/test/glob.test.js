// Patterns for paths.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Glob } from "../pkg/js/glob.js";

const matches = (pattern, path) => new Glob(pattern).matches(path);

for (const [pattern, path, expected] of [
  ["**/*.docx", "/a/b/c.DOCX", true],
  ["**/*.docx", "/c.docx", true],
  ["*.txt", "/a/b.txt", false],
  ["/a/**/x", "/A/x", true],
  ["a/**/x", "/a/b/c/x", true],
  ["a/**/x/**/y", "/a/x/x/b/y", true],
  ["a/**", "/a", true],
  ["a/*", "/a", false],
  ["a\\*", "/a/b", true],
  ["{a,b/c}.txt", "/b/c.txt", true],
  ["{a,{b,c}}", "/c", true],
  ["[!a-c]?", "/dx", true],
  ["[!a-c]?", "/bx", false],
  ["[]a]", "/]", true],
  ["a.b", "/axb", false],
  ["?", "/🦀", true],
  ["*ö*", "/KÖLN", true],
]) {
  test(`${pattern} and ${path}`, () => assert.equal(matches(pattern, path), expected));
}

test("the directory that has all that can match", () => {
  for (const [pattern, directory] of [["Users\\Bob/*.txt", "/Users/Bob"], ["*", "/"], ["a/b", "/a"], ["{a,b}/c", "/"], ["/", "/"]]) {
    assert.equal(new Glob(pattern).directory, directory);
  }
});

test("no pattern takes long", () => {
  const start = performance.now();
  assert.equal(matches("*a".repeat(200) + "b", `/${"a".repeat(255)}`), false);
  assert.equal(matches("**/a/".repeat(200) + "b", "/a".repeat(3000)), false);
  assert.ok(performance.now() - start < 2000);
});

test("what is no pattern is refused", () => {
  for (const pattern of ["[a", "{a", "{a,b}".repeat(20), "{".repeat(500) + "}".repeat(500) + "x".repeat(500), 5, null, undefined]) {
    assert.throws(() => new Glob(pattern), { code: "argument" });
  }
});
