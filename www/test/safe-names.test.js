// Names of files that the page makes: every system takes them, and no two in a folder are the same on any.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { bundle, random } from "./support/bundle.js";

let names;
before(async () => {
  names = await bundle("safe-names.ts");
});

const bytesOf = (name) => Buffer.byteLength(name);
/** Windows and macOS compare so, or less strictly. */
const folded = (name) => name.normalize("NFC").toLowerCase().toUpperCase();

/** What some system refuses, or takes for something else. Written another way than the rules that are tested. */
function assertSafe(name) {
  const told = JSON.stringify(name);
  assert.ok(name.length > 0, told);
  assert.ok(bytesOf(name) <= 255, `${told} has ${bytesOf(name)} bytes`);
  assert.ok(name.isWellFormed?.() ?? true, told);
  assert.equal(Buffer.from(name).toString(), name, told);
  for (const character of name) {
    const code = character.codePointAt(0);
    assert.ok(code >= 0x20 && !(code >= 0x7f && code <= 0x9f), told);
    assert.ok(!'<>:"/\\|?*'.includes(character), told);
    const isBidi = code === 0x61c || code === 0x200e || code === 0x200f || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    assert.ok(!isBidi && code !== 0xfeff && code !== 0x200b && code !== 0x2028 && code !== 0x2029, told);
  }
  assert.ok(!name.endsWith(".") && !name.endsWith(" "), told);
  const [device] = name.toUpperCase().split(".");
  assert.ok(!/^(CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³])$/.test(device.trimEnd()), told);
}

test("a name that is safe stays as it is", () => {
  for (const name of ["a", ".profile", "Read me.txt", "$MFT", "[record 30]", "Ärger.tar.gz", "CONSOLE", "com10", "nulls.txt", "a b", "👩\u200d💻.png", "می\u200cخواهم.txt", "x".repeat(255)]) {
    assert.equal(names.safeName(name), name);
    assertSafe(name);
  }
});

test("what is not safe in a name is replaced", () => {
  for (const [name, expected] of [
    ["", "_"],
    [".", "_"],
    ["..", "__"],
    ["/etc/passwd", "_etc_passwd"],
    ["..\\..\\x.txt", ".._.._x.txt"],
    ["C:\\x", "C__x"],
    ["a:stream", "a_stream"],
    ['<>"|?*', "______"],
    ["bell\u0007\u0000\u0085", "bell___"],
    ["two\nlines\u2028\u2029", "two_lines__"],
    ["invoice\u202egpj.exe", "invoice_gpj.exe"],
    ["\u2066\u2067\u2068\u2069\u061c\u200e\u200f\u202a\u202b\u202c\u202d", "___________"],
    ["zero\u200bwidth\ufeff", "zero_width_"],
    ["half \ud800", "half _"],
    ["ends. .", "ends___"],
    ["ends ", "ends_"],
    ["CON", "_CON"],
    ["nul.tar.gz", "_nul.tar.gz"],
    ["Aux .txt", "_Aux .txt"],
    ["con.", "con_"],
    ["com1", "_com1"],
    ["LPT².txt", "_LPT².txt"],
    ["CONIN$", "_CONIN$"],
    ["nul:x", "nul_x"],
  ]) {
    assert.equal(names.safeName(name), expected, JSON.stringify(name));
    assertSafe(expected);
  }
});

test("a name that is too long is cut before its extension, between characters", () => {
  assert.equal(names.safeName(`${"x".repeat(300)}.txt`), `${"x".repeat(251)}.txt`);
  assert.equal(names.safeName(`${"ä".repeat(255)}.txt`), `${"ä".repeat(125)}.txt`);
  assert.equal(names.safeName("👩".repeat(127)), "👩".repeat(63));
  assert.equal(names.safeName(`${"x".repeat(254)} ${"y".repeat(30)}`), `${"x".repeat(254)}_`);
  assert.equal(names.safeName(`a.${"x".repeat(300)}`), `a.${"x".repeat(253)}`);
  assert.equal(names.safeName("x".repeat(255), ".zip"), `${"x".repeat(251)}.zip`);
  assert.equal(names.safeName("dots..", ".zip"), "dots__.zip");
});

test("names in a folder that some system takes for the same get numbers", () => {
  for (const [all, expected] of [
    [["a.txt", "A.TXT", "a.Txt"], ["a.txt", "A (2).TXT", "a (3).Txt"]],
    [["a", "A", "a (2)"], ["a", "A (3)", "a (2)"]],
    [["a?b", "a_b"], ["a_b (2)", "a_b"]],
    [["a?", "a*", "a<"], ["a_", "a_ (2)", "a_ (3)"]],
    [[".profile", ".PROFILE"], [".profile", ".PROFILE (2)"]],
    [["caf\u00e9", "cafe\u0301"], ["caf\u00e9", "cafe\u0301 (2)"]],
    [["stra\u00dfe", "STRASSE", "stra\u1e9ee"], ["stra\u00dfe", "STRASSE (2)", "stra\u1e9ee (3)"]],
    [["a\u200db", "ab"], ["a\u200db", "ab (2)"]],
    [["x".repeat(255), "X".repeat(255)], ["x".repeat(255), `${"X".repeat(244)} (2)`]],
  ]) {
    assert.deepEqual(names.safeNames(all), expected);
  }
});

/** Names that are likely to be bad, and to be the same. */
function someName(next) {
  const parts = ["a", "A", "a (2)", "CON", "com1", ".", "..", " ", ".txt", "/", "\\", ":", "?", "\u0000", "\u202e", "\u200d", "\ud83d", "\udc69", "é", "e\u0301", "ß", "SS", "ſ", "K", "\u212a", "İ", "ı", "Σ", "ς", "x".repeat(120), "漢".repeat(60), "👩"];
  return Array.from({ length: next(6) }, () => parts[next(parts.length)]).join("");
}

test("whatever the names of a folder are, those given are safe and unique, and safe ones stay", () => {
  for (let seed = 1; seed <= 400; seed += 1) {
    const next = random(seed);
    const all = Array.from({ length: 1 + next(60) }, () => someName(next));
    const given = names.safeNames(all);
    assert.equal(given.length, all.length);
    given.forEach(assertSafe);
    assert.equal(new Set(given.map(folded)).size, given.length, JSON.stringify(given));
    all.forEach((name, index) => {
      const isFirst = all.findIndex((other) => folded(other) === folded(name)) === index;
      const isSafe = names.safeName(name) === name;
      if (isSafe && isFirst && !/[\u200c\u200d]/.test(all.join(""))) {
        assert.equal(given[index], name);
      }
    });
    assert.deepEqual(names.safeNames(given), given);
  }
});

test("a folder with very many of one name does not take for ever", { timeout: 60_000 }, () => {
  const length = 200_000;
  for (const all of [
    Array.from({ length }, () => "same.txt"),
    // Each twice, and the same once there is a number in them.
    Array.from({ length }, (_, index) => "x".repeat(245) + String(index >> 1).padStart(10, "0")),
  ]) {
    assert.equal(new Set(names.safeNames(all).map(folded)).size, length);
  }
});
