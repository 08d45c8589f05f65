// How fast the page is beside the browser's own ceiling: not how fast anything is, and with a wide margin.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mkntfs } from "../../wasm/test/support/fixtures.js";
import { skip as skipWithout } from "./support/page.js";
import { measure } from "./support/speed.js";

const skip = skipWithout || (mkntfs ? false : "no mkntfs");
/** `cargo xtask bench-page` shows more than 0.85. Here others may use the machine, and little is read and written. */
const LEAST = 0.2;

test("a conversion takes little more time than a copy by the browser", { skip }, async () => {
  for (const { name, page, ceiling } of await measure({ mib: 100, rounds: 3, names: ["raw to image", "image to raw"] })) {
    console.log(`${name}: ${page.toFixed(2)} s, ${(ceiling / page).toFixed(2)} of the ceiling`);
    assert.ok(ceiling / page > LEAST, `${name}: ${ceiling / page}`);
  }
});
