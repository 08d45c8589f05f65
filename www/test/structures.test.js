// What bytes are called: as other tools call them, wherever they are; and nothing where they only look so.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { demoCompressed, demoImage, demoVolume, ntfsclone, scratch } from "../../wasm/test/support/fixtures.js";
import { bundle, random } from "./support/bundle.js";
import { recordOf, runsOf, skipWithoutTools } from "./support/ntfs-tools.js";
import { go, openFile, skip, start, visit } from "./support/page.js";

let site;
let structures;
let volume;
let info;
before(async () => {
  if (!skip) {
    site = await start();
    structures = await bundle("structures/locate.ts", "structures/field.ts");
    volume = readFileSync(demoVolume());
    ({ volume: info } = JSON.parse(ntfsclone("info", "--json", demoVolume())));
  }
});
after(() => site?.close());

const CLUSTER = 4096;
const RECORD = 1024;

const read = (bytes) => async (offset, length) => {
  const copy = Uint8Array.from(bytes.subarray(offset, offset + length));
  return new DataView(copy.buffer);
};

const at = (offset, owner) => structures.structureAt(offset, info, owner, read(volume));

/** Where a record is: $MFT of this volume is in one piece. */
const placeOf = (record) => info.mft_lcn * CLUSTER + record * RECORD;

const part = (field, name) => field.parts?.find((part) => part.name === name);
const valueOf = (field, ...names) => names.reduce((field, name) => part(field, name), field)?.value;

test("records: attributes, sizes, times, names and runs are what ntfsinfo says", { skip: skip || skipWithoutTools }, async () => {
  let runs = 0;
  for (const record of [0, 1, 2, 3, 5, 6, 8, 9, 10, 64, 70, 80, 86, 90]) {
    const { field, start } = await at(placeOf(record) + 300, { record: 0, holder: "mft" });
    const expected = recordOf(demoVolume(), record);
    assert.equal(start, placeOf(record));
    assert.equal(field.name, `MFT record ${record}`);
    assert.equal(valueOf(field, "Header", "Bytes in use"), Number(/Bytes Used:\s+(\d+)/.exec(expected.head)[1]).toLocaleString("en"));
    const attributes = field.parts.filter(({ name }) => name.startsWith("$"));
    assert.deepEqual(attributes.map(({ name }) => name.split(" ")[0]), expected.attributes.map(({ name }) => name), `record ${record}`);
    attributes.forEach((attribute, index) => {
      const { isResident, number, text, runs: expectedRuns } = expected.attributes[index];
      const message = `${record} ${attribute.name}`;
      assert.equal(attribute.length, number("Attribute length"), message);
      if (isResident) {
        assert.equal(attribute.value, `resident, ${number("Data size").toLocaleString("en")} bytes`, message);
      } else {
        assert.equal(valueOf(attribute, "Size"), number("Data size").toLocaleString("en"), message);
        const shown = part(attribute, "Runs").parts.filter(({ name }) => name.startsWith("VCN "));
        assert.deepEqual(
          shown.map(({ name, value, target }) => [name, value.split(" ")[0], target?.lcn ?? null]),
          expectedRuns.map(({ vcn, lcn, length }) => [`VCN ${vcn.toLocaleString("en")}`, length.toLocaleString("en"), lcn]),
          message,
        );
        runs += shown.length;
      }
      if (attribute.name === "$FILE_NAME") {
        assert.equal(valueOf(attribute, "Value", "Name"), /Filename:\s+'(.*)'/.exec(text)[1]);
        assert.match(valueOf(attribute, "Value", "Parent directory"), new RegExp(`^record ${number("Parent directory")},`));
        const created = new Date(/File Creation Time:\s+(.*)/.exec(text)[1]).toISOString().slice(0, 19);
        assert.equal(valueOf(attribute, "Value", "Created").slice(0, 19), created);
      }
    });
    // Every byte has a name.
    for (let byte = 0; byte < RECORD; byte += 1) {
      assert.ok(structures.fieldsAt(field, byte).length >= 2, `record ${record}, byte ${byte}`);
    }
  }
  assert.ok(runs > 100, `${runs} runs`);
});

test("blocks of a directory have the names of the files that say they are in it", { skip }, async () => {
  const inRecords = new Map();
  const blocks = new Map();
  for (let record = 24; record < info.records; record += 1) {
    const found = await at(placeOf(record), { record: 0, holder: "mft" });
    if (!found || found.field.name.endsWith("not in use")) {
      continue;
    }
    for (const attribute of found.field.parts) {
      if (attribute.name === "$FILE_NAME") {
        const parent = part(part(attribute, "Value"), "Parent directory").target.record;
        inRecords.set(parent, [...(inRecords.get(parent) ?? []), valueOf(attribute, "Value", "Name")]);
      } else if (attribute.name.startsWith("$INDEX_ALLOCATION")) {
        blocks.set(record, part(attribute, "Runs").parts.filter(({ target }) => target));
      }
    }
  }
  assert.ok(blocks.size > 0);
  for (const [directory, runs] of blocks) {
    const names = [];
    for (const { value, target } of runs) {
      for (let index = 0; index < Number(value.split(" ")[0]); index += 1) {
        const found = await at((target.lcn + index) * CLUSTER + 100, { record: directory, holder: "directory" });
        assert.match(found.field.name, /^Index block \d+$/);
        names.push(...found.field.parts.filter(({ name }) => name === "Entry").map(({ value }) => value));
      }
    }
    const { field } = await at(placeOf(directory), { record: 0, holder: "mft" });
    const root = part(field.parts.find(({ name }) => name.startsWith("$INDEX_ROOT")), "Value");
    names.push(...root.parts.filter(({ name }) => name === "Entry").map(({ value }) => value));
    assert.deepEqual(names.sort(), inRecords.get(directory).sort(), `record ${directory}`);
  }
});

test("pages of the journal and boot sectors, and only where they can be", { skip: skip || skipWithoutTools }, async () => {
  // mkntfs leaves the journal empty: this is how Windows begins it.
  const [{ lcn }] = runsOf(demoVolume(), "/$LogFile");
  const bytes = Buffer.from(volume);
  const page = lcn * CLUSTER;
  bytes.fill(0, page, page + 2 * CLUSTER);
  bytes.write("RSTR", page, "latin1");
  bytes.writeUInt16LE(30, page + 4);
  bytes.writeUInt16LE(9, page + 6);
  bytes.writeUInt16LE(0x30, page + 24);
  bytes.writeBigUInt64LE(2n ** 21n, page + 0x30 + 24);
  bytes.write("RCRD", page + CLUSTER, "latin1");
  bytes.writeUInt16LE(0x28, page + CLUSTER + 4);
  bytes.writeUInt16LE(9, page + CLUSTER + 6);
  const journal = { record: 2, holder: "system" };
  const restart = await structures.structureAt(page + 48, info, journal, read(bytes));
  assert.equal(restart.field.name, "Restart page of $LogFile");
  assert.equal(valueOf(restart.field, "Restart area", "Size of $LogFile"), (2 ** 21).toLocaleString("en"));
  const records = await structures.structureAt(page + CLUSTER + 4000, info, journal, read(bytes));
  assert.equal(records.field.name, "Page of $LogFile");
  assert.equal(records.start, page + CLUSTER);
  assert.equal(await structures.structureAt(page + 48, info, { record: 90, holder: "file" }, read(bytes)), null);
  assert.equal(await at(placeOf(5), { record: 90, holder: "file" }), null);
  for (const [offset, name] of [
    [3, "Boot sector"],
    [info.size + 3, "Backup boot sector"],
  ]) {
    const { field, start } = await at(offset, undefined);
    assert.equal(field.name, name);
    assert.equal(start, offset - 3);
    assert.equal(valueOf(field, "OEM ID"), "NTFS");
    assert.equal(valueOf(field, "Serial number"), info.serial);
    assert.equal(valueOf(field, "$MFT begins at"), `cluster ${info.mft_lcn}`);
    assert.equal(valueOf(field, "Size of an MFT record"), "1,024 bytes");
  }
});

test("whatever the bytes are, fields lie within them and there is an end", { skip }, async () => {
  const next = random(7);
  const starts = [placeOf(0), placeOf(5), placeOf(86), placeOf(9), 0];
  for (let offset = 0; offset < volume.length; offset += CLUSTER) {
    if (["INDX", "RSTR", "RCRD"].includes(volume.toString("latin1", offset, offset + 4)) && starts.length < 12) {
      starts.push(offset);
    }
  }
  const check = ({ offset, length, parts = [] }, from, to) => {
    assert.ok(offset >= from && length > 0 && offset + length <= to, `${offset} + ${length} in ${from} to ${to}`);
    parts.forEach((part) => check(part, from, to));
  };
  for (let round = 0; round < 6000; round += 1) {
    const start = starts[round % starts.length];
    const bytes = Buffer.from(volume.subarray(start, start + CLUSTER));
    for (let changes = 1 + next(20); changes > 0; changes -= 1) {
      // Where sizes and offsets are, mostly.
      bytes[8 + next(next(3) === 0 ? CLUSTER - 8 : 500)] = [0, 1, 0x7f, 0x80, 0xff, next(256)][next(6)];
    }
    const found = await structures.structureAt(start === 0 ? 0 : CLUSTER, info, undefined, async (offset, length) => {
      const copy = Uint8Array.from(bytes.subarray(0, length));
      return new DataView(offset === (start === 0 ? 0 : CLUSTER) ? copy.buffer : new ArrayBuffer(length));
    });
    if (found) {
      check(found.field, 0, CLUSTER);
    }
  }
});

for (const [what, fixture] of [
  ["a volume", demoVolume],
  ["an image", demoImage],
  ["what is compressed", demoCompressed],
]) {
  test(`in ${what}: a byte tells its field, and its file`, { skip }, async () => {
    const { page, complaints, context } = await visit(site);
    await openFile(page, fixture());
    await page.waitForSelector('.map[data-survey="done"]');
    await go(page, "Bytes");
    const inspector = (text) => page.waitForFunction((text) => document.querySelector(".inspector")?.textContent.includes(text), text);
    await page.fill("#go-to", `0x${(placeOf(6) + 22).toString(16)}`);
    await page.press("#go-to", "Enter");
    await inspector("MFT record 6 › Header › Flags");
    await inspector("0x1 (in use)");
    await inspector("/$MFT");
    assert.equal(await page.locator(".hex .field").count(), 4);

    // By keyboard on to the next field.
    await page.focus(".hex");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await inspector("Header › Bytes in use");
    await page.waitForFunction(() => /MFT record 6 › Header › Bytes in use$/.test(document.querySelector('[role="status"]')?.textContent));

    // By its name in the list, and by pointing at bytes.
    await page.click('.outline button:has-text("$FILE_NAME")');
    await inspector("$FILE_NAME › Type");
    await page.hover(`.hex-bytes [data-at="${placeOf(6) + 24}"]`);
    assert.match(await page.textContent(".hex-pointed"), /^MFT record 6 › Header › Bytes in use: \d/);
    await page.click('.outline button:has(:text-is("Value"))');
    await page.click('.outline button:has(:text-is("Name"))');
    await inspector("Field value$Bitmap");

    // A run leads to its clusters, and those to the file.
    await page.click('.outline button:has-text("$DATA")');
    await page.click('.outline button:has(:text-is("Runs"))');
    await page.click('.outline button:text-is("Go to the cluster")');
    await inspector("/$Bitmap");
    assert.ok(await page.isHidden(".outline"));
    await page.click('.inspector button:has-text("/$Bitmap")');
    await page.waitForSelector('.file-panel h2:has-text("$Bitmap")');
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("bytes of a file that look like a structure are bytes of a file", { skip: skip || skipWithoutTools }, async () => {
  const { page, complaints, context } = await visit(site);
  const [{ lcn }] = runsOf(demoVolume(), "/Fragmented database.db");
  const bytes = Buffer.from(volume);
  volume.copy(bytes, lcn * CLUSTER, placeOf(5), placeOf(5) + RECORD);
  const path = join(scratch("page-structures"), "look-alike.ntfs");
  writeFileSync(path, bytes);
  await page.setInputFiles("#file", path);
  await page.waitForSelector('.map[data-survey="done"]');
  await go(page, "Bytes");
  await page.fill("#go-to", `lcn ${lcn}`);
  await page.press("#go-to", "Enter");
  await page.waitForFunction(() => document.querySelector(".inspector")?.textContent.includes("/Fragmented database.db"));
  assert.ok(await page.isHidden(".outline"));
  assert.deepEqual(complaints, []);
  await context.close();
});
