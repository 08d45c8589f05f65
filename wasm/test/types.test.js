// The types of what Rust tells, held against what it tells; and the types as TypeScript of others sees them.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { formats } from "../pkg/js/node.js";
import * as fixtures from "./support/fixtures.js";
import { ntfscloneMayFail } from "./support/fixtures.js";
import { project, tools } from "./support/project.js";

const read = (path) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");
let folder;

before(() => {
  folder = project("types");
});

/** Whether that compiles, as strictly as can be; what the compiler says if not. */
function compile(name, text, options) {
  const file = join(folder, name);
  writeFileSync(file, text);
  const strict = ["--ignoreConfig", "--noEmit", "--strict", "--exactOptionalPropertyTypes", "--skipLibCheck", "false", "--target", "es2022"];
  const types = ["--typeRoots", fileURLToPath(new URL("../node_modules/@types", import.meta.url))];
  const { status, stdout } = spawnSync(join(tools, "tsc"), [...strict, ...types, ...options, file], { cwd: folder, encoding: "utf8" });
  return status === 0 ? undefined : stdout;
}

const IN_NODE = ["--module", "nodenext", "--lib", "es2023", "--types", "node"];
const IN_A_BROWSER = ["--module", "esnext", "--moduleResolution", "bundler", "--lib", "es2023,dom,dom.iterable", "--types", ""];

/** A literal must have every field, and none that the type does not know: both ways are checked. */
function literal(type, values) {
  const constants = values.map((value, index) => `export const value${index}: ${type} = ${JSON.stringify(value)};`);
  return `import type { ${type} } from "ntfsclone";\n${constants.join("\n")}\n`;
}

const samples = () =>
  ["demoVolume", "demoImage", "demoCompressed", "demoMetadata", "cutImage", "damagedCompressed", "damagedVolume", "disk"].map(
    (name) => fixtures[name](),
  );

for (const [type, command] of [["Info", "info"], ["Report", "verify"]]) {
  test(`${type} is what the library tells`, () => {
    const values = samples()
      .map((path) => ntfscloneMayFail(command, "--json", path))
      .filter((text) => text !== "")
      .map((text) => JSON.parse(text))
      // The program lists the partitions of a disk; the package opens one of them.
      .filter(({ format }) => format !== "disk");
    assert.ok(values.length >= 6);
    assert.equal(compile(`${type}.ts`, literal(type, values), IN_NODE), undefined);
    const [{ source: _, ...without }] = values;
    assert.match(compile(`${type}-without.ts`, literal(type, [without]), IN_NODE), /TS2741/);
    assert.match(compile(`${type}-with.ts`, literal(type, [{ ...values[0], more: 1 }]), IN_NODE), /TS2353/);
  });
}

test("ErrorCode has the codes of the library", () => {
  const source = read("../../core/src/jobs/failure.rs");
  const body = source.match(/pub fn code\(.*?\n {4}\}\n/s)[0];
  const codes = [...new Set([...body.matchAll(/=> "([a-z-]+)"/g)].map(([, code]) => code))];
  const union = read("../js/error.ts").match(/export type ErrorCode =(.*?);\n\n/s)[1];
  assert.ok(codes.length > 10);
  const known = [...union.matchAll(/\| "([a-z-]+)"/g)].map(([, code]) => code);
  assert.deepEqual(known.slice(0, codes.length), codes);
});

test("the documents have the types that are made of Rust's", () => {
  const options = ["--ignoreConfig", "--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--types", ""];
  const file = fileURLToPath(new URL("../tests/documents.check.ts", import.meta.url));
  const { status, stdout } = spawnSync(join(tools, "tsc"), [...options, file], { encoding: "utf8" });
  assert.equal(status, 0, stdout);
});

test("the formats are those of the library's writers", () => {
  assert.deepEqual(formats, JSON.parse(read("../tests/formats.generated.json")));
});

const USE = `
import { FileBlob, FileEntry, FileError, Image, NtfscloneError, WholeDisk, formats, init, open, openDisk } from "ntfsclone";
import type { Extent, Format, Hole, Info, Remains, Report, SurveyedFile, Target } from "ntfsclone";

await init();
const image: Image = await open(new Blob([]), { signal: new AbortController().signal, partition: 1 });
await open(new Blob([]), { partition: null });
const info: Info = image.info();
const report: Report = await image.validate({ onProgress: ({ done, total }) => console.log(done / total) });
const extents: Extent[] = await image.extents({ damaged: true });
const files: SurveyedFile[] = [];
for await (const piece of image.survey()) if ("files" in piece) files.push(...piece.files);
const content: ReadableStream<Uint8Array> = image.content(files[0]!.record, { stream: files[0]!.streams[0]?.name });
const remains: Remains = await image.remains();
console.log(new Date(files[0]!.modified ?? 0), content, remains.sensitive.file_names + remains.wiped.times);
const stream: ReadableStream<Uint8Array> = image.convert("raw", { compress: 3 });
const holes: ReadableStream<Uint8Array | Hole> = image.convert("ntfsclone", { holes: true });
console.log(info.volume?.label, report.findings[0]?.code === "dirty", extents, stream, holes, new NtfscloneError("read", "").offset);
const format: Format = formats["vhd-fixed"];
const disks: Target[] = (Object.keys(formats) as Target[]).filter((target) => formats[target].disk === "gpt");
console.log(format.extensions.includes("vhd"), image.convert(disks[0]!, { disk: "mbr", onSize: (size) => console.log(size / 2) }));
await open({ size: 10n, read: async (offset: number, length: number) => new Uint8Array(offset + length) });
await open(new URL("https://example.org/a.img"));
await open([new Blob([]), { name: "disk-flat.vmdk", size: 1, read: () => new Uint8Array(1) }], { partition: 2 });
const whole: WholeDisk = await openDisk([new Blob([])], { name: "disk" });
const wholeStream: ReadableStream<Uint8Array> = whole.convert("vhdx", { force: true });
for await (const entry of image.search("**/*.docx", { onDamage: (error) => console.log(error.code === "EIO") })) {
  const entryOf: FileEntry = entry;
  const exactly: bigint | null = entryOf.mtimeNs;
  console.log(exactly, entryOf.mtime?.getTime(), entryOf.kind === "symlink", entryOf.streams[0]?.allocated);
  const bytes: Uint8Array = await image.readFile(entryOf, { start: 0, end: 10, stream: "a" });
  const blob: FileBlob = await image.blob(entryOf, { type: "text/plain" });
  const nested: Image = await open(blob.slice(0, 10));
  console.log(bytes, nested, new Response(image.readable("/a")), new FileError("/", new NtfscloneError("read", "")).cause.code);
}
for await (const { name } of image.readdir("/", { system: true })) console.log(name.length);
const exists: boolean = await image.exists((await image.stat("/")).path);
image.convert("raw", { compress: 3, time: null, source: null, note: exists ? "a" : "b" });
// @ts-expect-error
image.readdir("/", { stream: "a" });
console.log(wholeStream, whole.size / 2, whole.partitions[0]?.isNtfs);
await whole.close();
// @ts-expect-error
whole.convert("vhdx", { disk: "gpt" });
// @ts-expect-error
await openDisk(new Blob([]), { partition: 2 });
await image.close();
// @ts-expect-error
await open(5);
// @ts-expect-error
image.convert("vmdk2");
// @ts-expect-error
image.convert("vhdx", { disk: "apm" });
`;

test("TypeScript in Node", () => {
  assert.equal(compile("use-node.ts", `${USE}await open("path"); import { open as openFile } from "node:fs/promises"; await open(await openFile("path"));`, IN_NODE), undefined);
});

test("TypeScript for browsers", () => {
  const use = `${USE}
    const handle = await (await navigator.storage.getDirectory()).getFileHandle("a");
    await image.convert("raw").pipeTo(await handle.createWritable());
    await open(handle);
    await open(new File([], "a"));
    new Response(image.convert("raw"));`;
  assert.equal(compile("use-browser.ts", use, IN_A_BROWSER), undefined);
  const path = 'import { open } from "ntfsclone"; await open("path");';
  assert.match(compile("path-browser.ts", path, [...IN_A_BROWSER, "--customConditions", "browser"]), /TS2345/);
});

test("TypeScript that does not say what it is for: paths compile", () => {
  const use = 'import { open } from "ntfsclone"; import { open as openFile } from "node:fs/promises"; await open("path"); await open(await openFile("path"));';
  const options = ["--module", "esnext", "--moduleResolution", "bundler", "--types", "node"];
  assert.equal(compile("use-bundler.ts", use, [...options, "--lib", "es2023"]), undefined);
  assert.equal(compile("use-bundler-dom.ts", use, [...options, "--lib", "es2023,dom,dom.iterable"]), undefined);
});

test("TypeScript knows a module that a bundler loads", () => {
  const use = 'import { init } from "ntfsclone"; import wasm from "ntfsclone/ntfsclone_bg.wasm"; await init(wasm);';
  assert.equal(compile("use-wasm.ts", use, IN_A_BROWSER), undefined);
});
