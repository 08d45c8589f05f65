// What is in a zip archive, by the account at its end; of archives that store content as it is.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";

const END = 0x06054b50;
const ENTRY = 0x02014b50;

/** All entries: names and content, with the times that they tell. */
export function entriesOf(path) {
  const tested = spawnSync("unzip", ["-tqq", path], { encoding: "utf8" });
  if (!tested.error) {
    assert.equal(tested.status, 0, tested.stdout + tested.stderr);
  }
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  assert.equal(bytes.readUInt32LE(end), END);
  const count = bytes.readUInt16LE(end + 10);
  const entries = new Map();
  let at = bytes.readUInt32LE(end + 16);
  for (let index = 0; index < count; index += 1) {
    assert.equal(bytes.readUInt32LE(at), ENTRY);
    const [time, date] = [bytes.readUInt16LE(at + 12), bytes.readUInt16LE(at + 14)];
    const [crc, size] = [bytes.readUInt32LE(at + 16), bytes.readUInt32LE(at + 24)];
    const [nameLength, extraLength] = [bytes.readUInt16LE(at + 28), bytes.readUInt16LE(at + 30)];
    const local = bytes.readUInt32LE(at + 42);
    const name = bytes.toString("utf8", at + 46, at + 46 + nameLength);
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const content = bytes.subarray(start, start + size);
    assert.equal(bytes.readUInt16LE(at + 10), 0, "stored");
    assert.equal(crc32(content), crc, name);
    assert.ok(!entries.has(name), `${name} is there twice`);
    const two = (number) => String(number).padStart(2, "0");
    const modified = `${1980 + (date >> 9)}-${two((date >> 5) & 15)}-${two(date & 31)} ${two(time >> 11)}:${two((time >> 5) & 63)}`;
    entries.set(name, { content, modified });
    at += 46 + nameLength + extraLength + bytes.readUInt16LE(at + 32);
  }
  return entries;
}
