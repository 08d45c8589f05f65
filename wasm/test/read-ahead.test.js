// Which reads are begun before they are asked for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadAhead } from "../pkg/js/read-ahead.js";

const MIB = 1 << 20;

function reading(size, answer = async (offset) => new Uint8Array([offset / MIB])) {
  const asked = [];
  const source = {
    name: "source",
    size,
    read(offset, length) {
      asked.push([offset / MIB, length / MIB]);
      return answer(offset);
    },
  };
  const ahead = new ReadAhead(source, new AbortController().signal);
  return {
    asked,
    async read(offset, length) {
      const answer = await ahead.read(offset * MIB, length * MIB);
      ahead.readOn();
      return answer[0];
    },
  };
}

test("long reads that follow each other", async () => {
  const { asked, read } = reading(11 * MIB);
  assert.equal(await read(0, 4), 0);
  assert.equal(asked.length, 2, "from the start on");
  assert.equal(await read(4, 4), 4);
  assert.deepEqual(asked, [[0, 4], [4, 4], [8, 3]]);
  assert.equal(await read(8, 3), 8);
  assert.equal(asked.length, 3, "nothing is read twice, or past the end");
});

test("not where reads are short, or jump", async () => {
  const { asked, read } = reading(100 * MIB);
  await read(0, 0.5);
  await read(0.5, 0.5);
  await read(50, 4);
  await read(10, 4);
  assert.equal(asked.length, 4);
  await read(14, 4);
  assert.deepEqual(asked.at(-1), [18, 4]);
  assert.equal(await read(30, 4), 30, "what was begun is not taken for another");
});

test("a failure is told when it is asked for, and what was not is no failure", async () => {
  const failing = (failure) => async (offset) => {
    if (offset >= 4 * MIB) {
      throw failure;
    }
    return new Uint8Array(1);
  };
  const failure = new Error("the cable is loose");
  const { read } = reading(100 * MIB, failing(failure));
  await read(0, 4);
  await assert.rejects(read(4, 4), failure);
  const other = reading(100 * MIB, failing(failure));
  await other.read(0, 4);
  await new Promise((resolve) => setTimeout(resolve, 10));
  await other.read(1, 2);
});
