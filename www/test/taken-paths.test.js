// Paths of files in an archive: with safe names, and no longer than a zip can have.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { bundle } from "./support/bundle.js";

let modules;
before(async () => {
  modules = await bundle("worker/takeout/taken-paths.ts", "worker/survey/file-collector.ts");
});

/** What is in the root directory, or in one of these. */
function tableOf(files) {
  const collector = new modules.FileCollector();
  for (const [record, parent, name, holder = "file"] of files) {
    collector.add({ record, parent, name, holder, size: 1, clusters: 1, modified: null, is_link: false, other_names: [], streams: [] });
  }
  return collector.finish(4096, new Set());
}

function walked(table, folder = 5) {
  const paths = new modules.TakenPaths(table, table.entriesOf(table.find(folder), false), false, "List.txt");
  const all = [...paths.walk()].map(({ entry, safePath, isRenamed }) => [entry.record, safePath, isRenamed]);
  return { all: all.sort(([a], [b]) => a - b), extraName: paths.extraName };
}

test("names are unique in each folder, and a changed name of a folder is in the paths below it", () => {
  const table = tableOf([
    [5, 5, ".", "directory"],
    [30, 5, "a", "directory"],
    [31, 5, "A", "directory"],
    [32, 30, "a"],
    [33, 31, "a"],
    [34, 31, "con.txt"],
    [35, 5, null],
  ]);
  const expected = [
    [30, "a", false],
    [31, "A (2)", true],
    [32, "a/a", false],
    [33, "A (2)/a", false],
    [34, "A (2)/_con.txt", true],
    [35, "[record 35]", false],
  ];
  assert.deepEqual(walked(table), { all: expected, extraName: "List.txt" });
  assert.deepEqual(walked(table, 31).all, [[33, "a", false], [34, "_con.txt", true]]);
});

test("of what is chosen, all that is in it is taken, and nothing twice", () => {
  const table = tableOf([
    [5, 5, ".", "directory"],
    [30, 5, "a", "directory"],
    [31, 30, "b", "directory"],
    [32, 31, "c"],
    [33, 30, "C"],
    [34, 5, "d"],
  ]);
  // What was found may be in what was found, too.
  const top = table.withoutInner(Uint32Array.from([33, 32, 31].map((record) => table.find(record))));
  const paths = new modules.TakenPaths(table, top, false, "List.txt");
  assert.deepEqual([...paths.walk()].map(({ safePath }) => safePath), ["b", "C", "b/c"]);
});

test("the list of names takes the name of no file", () => {
  const table = tableOf([[5, 5, ".", "directory"], [30, 5, "LIST.TXT"], [31, 5, "List?.txt"], [32, 5, "list (2).txt"]]);
  const { all, extraName } = walked(table);
  assert.equal(extraName, "List (3).txt");
  assert.deepEqual(all, [[30, "LIST.TXT", false], [31, "List_.txt", true], [32, "list (2).txt", false]]);
});

test("a path that is too long is none, and folders may be very deep", { timeout: 60_000 }, () => {
  const depth = 20_000;
  const folders = Array.from({ length: depth }, (_, index) => [30 + index, index === 0 ? 5 : 29 + index, "x".repeat(254), "directory"]);
  const table = tableOf([[5, 5, ".", "directory"], ...folders]);
  const { all } = walked(table);
  assert.equal(all.length, depth);
  const lengths = all.map(([, path]) => path?.length ?? null);
  assert.equal(lengths[0], 254);
  const most = 256 * 255 + 254;
  assert.equal(lengths[256], most);
  assert.ok(most <= 65_535);
  assert.ok(lengths.slice(257).every((length) => length === null));
});
