// What the worker keeps of a survey: counted as one would by hand, and with millions of pieces and files, too.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { bundle, random } from "./support/bundle.js";

let survey;
before(async () => {
  survey = await bundle("worker/survey/runs.ts", "worker/survey/squares.ts", "worker/survey/file-collector.ts", "worker/survey/listings.ts", "kinds.ts");
});

const HOLDERS = ["mft", "system", "directory", "file", "bad"];

/** Runs in order that do not touch each other. */
function someRuns(next, clusters) {
  const runs = { lcns: [], lengths: [] };
  for (let lcn = next(5); lcn < clusters; ) {
    const length = Math.min(1 + next(20), clusters - lcn);
    runs.lcns.push(lcn);
    runs.lengths.push(length);
    lcn += length + 1 + next(9);
  }
  return { lcns: Float64Array.from(runs.lcns), lengths: Float64Array.from(runs.lengths) };
}

test("squares are counted as one would cluster by cluster, of damaged volumes, too", () => {
  const { RunCollector, countSquares, KINDS } = survey;
  for (let seed = 1; seed <= 60; seed += 1) {
    const next = random(seed);
    const clusters = 50 + next(400);
    const stored = someRuns(next, clusters);
    const isImage = next(2) === 1;
    // Some overlap, and some lie past the end.
    const held = Array.from({ length: next(40) }, (_, record) => ({ lcn: next(clusters + 20), length: 1 + next(30), record, holder: HOLDERS[next(5)] }));
    const collector = new RunCollector();
    held.forEach((run) => collector.add(run));
    const runs = collector.finish(clusters);

    const whose = new Array(clusters).fill(undefined);
    const inOrder = held.map((run, index) => ({ ...run, index })).sort((a, b) => a.lcn - b.lcn || a.index - b.index);
    let end = 0;
    for (const { lcn, length, holder } of inOrder) {
      for (let at = Math.max(lcn, end); at < Math.min(lcn + length, clusters); at += 1) {
        whose[at] = holder;
      }
      end = Math.max(end, Math.min(lcn + length, clusters));
    }
    const isStored = new Array(clusters).fill(false);
    stored.lcns.forEach((lcn, index) => isStored.fill(true, lcn, lcn + stored.lengths[index]));

    const squares = { first: next(clusters), perSquare: 1 + next(30), length: 1 + next(30) };
    const expected = new Array(squares.length * KINDS.length).fill(0);
    for (let at = squares.first; at < Math.min(clusters, squares.first + squares.perSquare * squares.length); at += 1) {
      const holder = whose[at];
      const isThere = isStored[at] || !isImage || holder === "bad";
      const kind = holder ? (isThere ? holder : "missing") : isStored[at] ? "used" : undefined;
      if (kind) {
        expected[Math.floor((at - squares.first) / squares.perSquare) * KINDS.length + KINDS.indexOf(kind)] += 1;
      }
    }
    const incomplete = runs.notWithin(stored);
    const lacking = new Set();
    for (let index = 0; index < runs.lcns.length; index += 1) {
      const { lcn, length, record } = runs.run(index);
      if (isStored.slice(lcn, lcn + length).includes(false)) {
        lacking.add(record);
      }
    }
    assert.deepEqual(incomplete, lacking, `seed ${seed}`);
    assert.deepEqual([...countSquares(squares, clusters, stored, runs, isImage).counts], expected, `seed ${seed}`);
  }
});

test("of millions of pieces, as many are kept as there is room for, and all others are in use", { timeout: 60_000 }, () => {
  const { RunCollector, countSquares, KINDS } = survey;
  const pieces = 4_200_000;
  const collector = new RunCollector();
  const before = process.memoryUsage().arrayBuffers;
  for (let index = 0; index < pieces; index += 1) {
    // From both ends, so that they are to be put in order.
    const lcn = 3 * (index % 2 === 0 ? index : pieces - index);
    collector.add({ lcn, length: 2, record: index, holder: "file" });
  }
  const clusters = 3 * pieces + 3;
  const runs = collector.finish(clusters);
  const bytes = process.memoryUsage().arrayBuffers - before;
  assert.ok(bytes < 600 * 2 ** 20, `${bytes} bytes`);
  assert.ok(collector.isCut);
  assert.equal(runs.lcns.length, 4_000_000);
  const stored = { lcns: new Float64Array([0]), lengths: new Float64Array([clusters]) };
  const { counts } = countSquares({ first: 0, perSquare: Math.ceil(clusters / 2600), length: 2600 }, clusters, stored, runs, false);
  const sum = (kind) => counts.reduce((sum, count, index) => (index % KINDS.length === KINDS.indexOf(kind) ? sum + count : sum), 0);
  assert.equal(sum("file"), 8_000_000);
  assert.equal(sum("used"), clusters - 8_000_000);
});

const file = (record, parent, name, clusters = 0, holder = "file") => ({
  record,
  parent,
  name,
  holder,
  size: clusters * 100,
  clusters,
  modified: record * 1000,
  is_link: false,
  other_names: [],
  streams: [],
});

test("folders have what is in them, whatever their records say", () => {
  const collector = new survey.FileCollector();
  const all = [
    file(0, 5, "$MFT", 3, "mft"),
    file(5, 5, ".", 1, "directory"),
    file(30, 5, "a", 1, "directory"),
    file(31, 30, "b", 0, "directory"),
    file(32, 31, "large", 10),
    file(33, 31, "small", 2),
    // In each other, and in one that is not there.
    file(40, 41, "c", 1, "directory"),
    file(41, 40, "d", 1, "directory"),
    file(42, 41, "in a circle", 5),
    file(50, 999, "lost", 4),
    file(51, 51, "in itself", 1),
    file(60, 5, null, 0),
  ];
  all.forEach((one) => collector.add(one));
  const table = collector.finish(4096, new Set([32]));
  const listings = new survey.Listings(table);
  const listing = (to = {}) => ({ folder: 5, search: null, hasSystem: true, sort: { by: "room", isDescending: true }, ...to });
  const recordsOf = (to) => listings.rows(listing(to), 0, 100).map(({ record }) => record);
  const root = listings.list(listing());
  assert.equal(root.inside, all.length - 1);
  assert.equal(root.folder.room, all.reduce((sum, { clusters }) => sum + clusters, 0) * 4096);
  const rows = listings.rows(listing(), 0, 100);
  assert.deepEqual(rows.map(({ name }) => name), ["a", "c", "lost", "$MFT", "in itself", null]);
  assert.deepEqual(rows.map(({ room }) => room / 4096), [13, 7, 4, 3, 1, 0]);
  assert.deepEqual(table.path(42).map(({ name }) => name), ["c", "d", "in a circle"]);
  assert.deepEqual(table.path(33).map(({ name }) => name), ["a", "b", "small"]);
  assert.deepEqual(listings.rows(listing({ folder: 31 }), 1, 5).map(({ name }) => name), ["small"]);
  assert.equal(table.file(32).folder, 31);
  assert.deepEqual([32, 33].map((record) => table.file(record).entry.isIncomplete), [true, false]);
  // Folders first, but by size: then a folder has that of all that is in it.
  const by = (by, isDescending) => recordsOf({ sort: { by, isDescending } });
  assert.deepEqual(by("name", false), [30, 40, 60, 0, 51, 50]);
  assert.deepEqual(by("name", true), [40, 30, 50, 51, 0, 60]);
  assert.deepEqual(by("modified", true), [40, 30, 60, 51, 50, 0]);
  assert.deepEqual(by("modified", false), [30, 40, 0, 50, 51, 60]);
  assert.deepEqual(by("room", false), [60, 51, 0, 50, 40, 30]);
  assert.equal(listings.seek(listing(), "l", 0), 2);
  assert.equal(listings.seek(listing(), "$m", 4), 3);
  assert.equal(listings.seek(listing(), "x", 0), null);
  assert.equal(listings.rowOf(listing(), 50), 2);
  const top = table.entriesOf(table.find(30), true);
  const folders = [...table.foldersUnder(top, true)].map(({ path, indexes }) => [path.map(({ name }) => name).join("/"), [...indexes].map((index) => table.entry(index).name)]);
  assert.deepEqual(folders, [["", ["b"]], ["b", ["large", "small"]]]);
  assert.equal(table.path(7), undefined);
  assert.equal(listings.list(listing({ folder: 7 })).folder.record, 5);
  // Without what is the file system's own, and with the number of incomplete files.
  const users = listings.list(listing({ hasSystem: false }));
  assert.equal(users.inside, all.length - 2);
  assert.equal(table.users, users.inside);
  assert.deepEqual(recordsOf({ hasSystem: false }), [30, 40, 50, 51, 60]);
  assert.equal(table.file(30).entry.incompleteInside, 1);
  assert.deepEqual(["/a/b/large", "/a/b/large:stream", "/a/x", "/"].map((path) => table.recordOf(path)), [32, 32, null, 5]);
});

test("a file with several names is in each folder, and its clusters count once", () => {
  const collector = new survey.FileCollector();
  collector.add(file(5, 5, ".", 1, "directory"));
  collector.add(file(30, 5, "a", 1, "directory"));
  collector.add(file(31, 5, "b", 1, "directory"));
  collector.add({ ...file(40, 30, "one", 10), other_names: [{ parent: 31, name: "two" }, { parent: 5, name: "three" }] });
  collector.add(file(41, 31, "alone", 3));
  const table = collector.finish(4096, new Set([40]));
  const listings = new survey.Listings(table);
  const rowsOf = (folder) => listings.rows({ folder, search: null, hasSystem: true, sort: { by: "name", isDescending: false } }, 0, 9);
  assert.deepEqual(rowsOf(5).map(({ name, room, record }) => [name, room / 4096, record]), [["a", 11, 30], ["b", 4, 31], ["three", 10, 40]]);
  assert.deepEqual(rowsOf(31).map(({ name, room }) => [name, room / 4096]), [["alone", 3], ["two", 10]]);
  assert.equal(new Set([5, 30, 31].flatMap((folder) => rowsOf(folder).map(({ id }) => id))).size, 6);
  assert.equal(table.file(5).entry.room / 4096, 16);
  assert.deepEqual(table.pathsOf(40).map((path) => path.map(({ name }) => name).join("/")), ["a/one", "b/two", "three"]);
  assert.deepEqual(table.pathsOf(41), []);
  assert.equal(table.recordOf("/b/two"), 40);
  assert.equal(table.file(31).entry.incompleteInside, 1);
  assert.equal(table.users, 6);
});

test("what is in a folder of the file system is its own, however deep", () => {
  const collector = new survey.FileCollector();
  [
    file(5, 5, ".", 1, "directory"),
    file(11, 5, "$Extend", 1, "system"),
    file(26, 11, "$RmMetadata", 0, "system"),
    file(27, 26, "$TxfLog", 0, "directory"),
    file(28, 27, "$TxfLog.blf", 4),
    file(30, 5, "mine", 1),
  ].forEach((one) => collector.add(one));
  const table = collector.finish(4096, new Set());
  const isSystem = [11, 26, 27, 28, 30].map((record) => table.file(record).entry.isSystem);
  assert.deepEqual(isSystem, [true, true, true, true, false]);
  assert.equal(table.users, 1);
  // Who goes there sees it.
  assert.equal(table.entriesOf(table.find(27), false).length, 1);
});

test("a million files, and no root directory", { timeout: 60_000 }, () => {
  const collector = new survey.FileCollector();
  const files = 1_000_000;
  for (let record = 24; record < 24 + files; record += 1) {
    // A folder for each hundred, and the deepest of them ten thousand deep.
    const isFolder = record % 100 === 0;
    collector.add(file(record, isFolder ? record - 100 : record - (record % 100), `file ${record}`, 1, isFolder ? "directory" : "file"));
  }
  const started = performance.now();
  const table = collector.finish(512, new Set());
  const listings = new survey.Listings(table);
  const { folder, length } = listings.list({ folder: 5, search: null, hasSystem: true, sort: { by: "room", isDescending: true } });
  assert.equal(folder.inside, files);
  assert.equal(folder.room, files * 512);
  assert.equal(length, 77);
  assert.equal(table.path(24 + files - 1).length, 1024);
  assert.ok(performance.now() - started < 20_000);
});
