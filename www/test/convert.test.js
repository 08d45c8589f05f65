// Something else is made of it: the same bytes as the command-line tool's, in both ways of saving; and half of it never.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { formats } from "../../wasm/pkg/js/node.js";
import { digestOfFile } from "../../wasm/test/support/content.js";
import { demoImage, demoMetadata, demoRestored, demoVolume, disk, emptyVolume, fullVolume, mkntfs, ntfsclone, qemuImg, scratch } from "../../wasm/test/support/fixtures.js";
import { go, openFile, skip, start, visit } from "./support/page.js";

let site;
before(async () => {
  site = skip ? undefined : await start();
});
after(() => site?.close());

/** Of a file in the browser's own storage. */
function saved(page, name) {
  return page.evaluate(async (name) => {
    const directory = await navigator.storage.getDirectory();
    const names = [];
    for await (const key of directory.keys()) {
      names.push(key);
    }
    if (!names.includes(name)) {
      return { names };
    }
    const file = await (await directory.getFileHandle(name)).getFile();
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    return { names, length: file.size, sha256: [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("") };
  }, name);
}

/** What the command-line tool makes of the volume. */
function converted(target, ...options) {
  const output = join(scratch(`page-expected-${target}`), "expected");
  ntfsclone("convert", "-q", "--to", target, ...options, demoVolume(), output);
  return output;
}

const CASES = [
  ["raw", "demo.img", demoImage, "demo.ntfs", demoRestored],
  ["ntfsclone", "demo.ntfs", demoVolume, "demo.img", demoImage],
  ["metadata", "demo.ntfs", demoVolume, "demo.metadata.img", demoMetadata],
  ["metadata", "demo.img", demoImage, "demo.metadata.img", demoMetadata],
  ["partclone", "demo.ntfs", demoVolume, "demo.partclone", () => converted("partclone")],
  ["qcow2", "demo.img", demoImage, "demo.qcow2", () => converted("qcow2")],
  ["vdi", "demo.img", demoImage, "demo.vdi", () => converted("vdi")],
  ["vhd", "demo.ntfs", demoVolume, "demo.vhd", () => converted("vhd")],
  ["vhd-fixed", "demo.img", demoImage, "demo.vhd", () => converted("vhd-fixed")],
  ["vhdx", "demo.img", demoImage, "demo.vhdx", () => converted("vhdx")],
];

for (const [target, name] of [["vhdx", "disk.vhdx"], ["raw", "disk copy.raw"]]) {
  test(`${target} of a whole disk, instead of its partition`, { skip }, async () => {
    const output = join(scratch(`page-whole-${target}`), "expected");
    ntfsclone("convert", "-q", "--to", target, disk(), output);
    const { page, complaints, context } = await visit(site, { saving: "file" });
    await page.setInputFiles("#file", disk());
    await page.waitForSelector(".overview h1");
    await go(page, "Convert");
    assert.equal(await page.isVisible("#target-ntfsclone"), true);
    await page.check("#extent-disk");
    // They hold one volume.
    for (const other of ["ntfsclone", "partclone", "metadata", "table", "new-size"]) {
      assert.equal(await page.isVisible(`#target-${other}, #${other}`), false, other);
    }
    await page.check(`#target-${target}`);
    await page.click(".convert-form .primary");
    await page.waitForSelector(".notice.good");
    const { length, sha256, names } = await saved(page, name);
    assert.deepEqual({ length, sha256 }, await digestOfFile(output), names.join());
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("what is no disk is converted as it is: nothing is to be chosen", { skip }, async () => {
  const { page, context } = await visit(site);
  await openFile(page, demoVolume());
  await go(page, "Convert");
  assert.equal(await page.isVisible(".convert-form"), true);
  assert.equal(await page.isVisible(".convert-extent"), false);
  await context.close();
});

for (const [target, from, source, name, expected] of CASES) {
  test(`${target} of ${from}, saved into a file`, { skip }, async () => {
    const { page, complaints, context, startsWorking, longest } = await visit(site, { saving: "file" });
    await openFile(page, source());
    await go(page, "Convert");
    await page.check(`#target-${target}`);
    assert.equal(await page.isVisible(".anonymise"), target === "metadata");
    if (target === "metadata") {
      await page.waitForSelector(".anonymise ul");
      assert.match(await page.textContent(".anonymise"), /names of files and folders, with the file system's own: \d+.*the label: Demo.*names of deleted files/);
    }
    await startsWorking();
    await page.click(".convert-form .primary");
    await page.waitForSelector(".notice.good");
    const took = await longest();
    assert.ok(took < 100, `a task took ${took} ms`);
    const { length, sha256 } = await saved(page, name);
    assert.deepEqual({ length, sha256 }, await digestOfFile(expected()));
    assert.deepEqual(complaints, []);
    await context.close();
  });

  test(`${target} of ${from}, as a download`, { skip }, async () => {
    const { page, complaints, context } = await visit(site);
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
    await openFile(page, source());
    await go(page, "Convert");
    await page.check(`#target-${target}`);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(".convert-form .primary")]);
    assert.equal(download.suggestedFilename(), name);
    const path = await download.path();
    assert.deepEqual(await digestOfFile(path), await digestOfFile(expected()));
    await page.waitForSelector(".notice.good");
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("every format is offered, in a group, with a line on what it is good for", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, demoImage());
  await go(page, "Convert");
  const shown = await page.evaluate(() =>
    [...document.querySelectorAll(".target-group")].map((group) => ({
      title: document.getElementById(group.getAttribute("aria-labelledby")).textContent,
      targets: [...group.querySelectorAll("input[type=radio]")].map((radio) => [radio.value, document.getElementById(radio.getAttribute("aria-describedby")).textContent.length > 5]),
    })),
  );
  assert.deepEqual(shown.map(({ title }) => title), ["A virtual machine's disk", "An image to restore", "A raw volume", "Metadata only"]);
  const targets = shown.flatMap(({ targets }) => targets);
  assert.deepEqual(targets.map(([target]) => target).sort(), Object.keys(formats).sort());
  assert.deepEqual(targets.filter(([, isDescribed]) => !isDescribed), []);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a visitor finds from the overview how to make a virtual machine's disk", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await openFile(page, demoImage());
  await page.click("text=Make a virtual machine's disk");
  assert.ok(await page.isVisible(".convert-form"));
  assert.ok(await page.isChecked("#target-vhdx"));
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(".convert-form .primary")]);
  assert.equal(download.suggestedFilename(), "demo.vhdx");
  const { length } = await digestOfFile(await download.path());
  await page.waitForSelector(".notice.good");
  assert.match(await page.textContent(".notice.good"), /^demo\.vhdx is complete\.17 MiB in .*VHDX, partition table: GPT\. Double-click it in Windows/);
  assert.equal(length, 17 << 20);
  assert.deepEqual(complaints, []);
  await context.close();
});

for (const [what, source] of [["a volume", demoVolume], ["an image", demoImage]]) {
  test(`the sizes of what is made of ${what} are shown before`, { skip }, async () => {
    const { page, complaints, context } = await visit(site);
    await openFile(page, source());
    await go(page, "Convert");
    // The image is copied as it is, as far as it goes.
    const estimated = source === demoImage ? ["metadata", "vmdk", "ntfsclone"] : ["metadata", "vmdk"];
    const exact = Object.keys(formats).filter((target) => !estimated.includes(target));
    for (const target of exact) {
      const { length } = await digestOfFile(converted(target));
      const shown = `${(length / 2 ** 20).toPrecision(3).replace(/\.?0+$/, "")} MiB`;
      await page.waitForFunction(
        ([target, shown]) => new RegExp(`^${shown}(,|$)`).test(document.querySelector(`.target:has(#target-${target}) .target-size`).textContent),
        [target, shown],
      );
    }
    assert.equal(await page.textContent(".target:has(#target-vmdk) .target-size"), "up to 3.75 MiB");
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("the partition table can be chosen, and the size is that with it", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await openFile(page, demoImage());
  await go(page, "Convert");
  await page.check("#target-vhd-fixed");
  assert.ok(!(await page.isVisible("#table")));
  await page.click(".convert-options summary");
  for (const [table, about] of [["mbr", /old machines/], ["none", /the volume itself/]]) {
    await page.selectOption("#table", table);
    assert.match(await page.textContent("#about-table"), about);
    // With another table the other formats have other sizes, too.
    const { length } = await digestOfFile(converted("qcow2", `--disk=${table}`));
    const shown = `${(length / 2 ** 20).toPrecision(3)} MiB`;
    await page.waitForFunction((shown) => document.querySelector(".target:has(#target-qcow2) .target-size")?.textContent === shown, shown);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(".convert-form .primary")]);
    assert.deepEqual(await digestOfFile(await download.path()), await digestOfFile(converted("vhd-fixed", `--disk=${table}`)));
    await page.waitForSelector(".notice.good");
  }
  // What is no disk has no partition table, and only that is compressed.
  assert.ok(!(await page.isVisible("#compress")));
  await page.check("#target-partclone");
  assert.ok(!(await page.isVisible(".convert-options")));
  assert.ok(await page.isVisible("#compress"));
  assert.deepEqual(complaints, []);
  await context.close();
});

test("another size: the least is shown, too small is refused, and what was changed is listed", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await openFile(page, demoImage());
  await go(page, "Convert");
  await page.check("#target-raw");
  assert.match(await page.textContent("#new-size option[value=min]"), /^the least: \d/);
  await page.selectOption("#new-size", "other");
  await page.fill("#new-size-number", "0.000001");
  await page.waitForFunction(() => document.querySelector(".new-size-losses")?.textContent.startsWith("Nothing is lost"));
  assert.ok(await page.evaluate(() => !document.querySelector("#new-size-number").checkValidity()));
  await page.selectOption("#new-size", "min");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(".convert-form .primary")]);
  assert.deepEqual(await digestOfFile(await download.path()), await digestOfFile(converted("raw", "--size=min")));
  await page.waitForSelector(".notice.good .resized");
  assert.match(await page.textContent(".notice.good .resized"), /The journal was emptied/);
  // Metadata has the size of its volume.
  await page.check("#target-metadata");
  assert.ok(!(await page.isVisible("#new-size")));
  assert.deepEqual(complaints, []);
  await context.close();
});

test("by keyboard alone: a format, the partition table, and the disk", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await openFile(page, demoImage());
  const focused = () => page.evaluate(() => ({ id: document.activeElement.id, text: document.activeElement.textContent }));
  const tabTo = async (matches) => {
    for (let count = 0; count < 60; count += 1) {
      await page.keyboard.press("Tab");
      if (matches(await focused())) {
        return;
      }
    }
    assert.fail("cannot be reached");
  };
  await tabTo(({ text }) => text.startsWith("Make a virtual machine's disk"));
  await page.keyboard.press("Enter");
  await tabTo(({ id }) => id === "target-vhdx");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  assert.equal((await focused()).id, "target-vdi");
  await tabTo(({ text }) => text === "Options");
  await page.keyboard.press("Enter");
  await tabTo(({ id }) => id === "table");
  await page.keyboard.press("ArrowDown");
  await tabTo(({ text }) => text === "Download");
  const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
  assert.equal(download.suggestedFilename(), "demo.vdi");
  assert.deepEqual(await digestOfFile(await download.path()), await digestOfFile(converted("vdi", "--disk=mbr")));
  assert.deepEqual(complaints, []);
  await context.close();
});

test("vmdk: the same disk as the command-line tool's, compressed by another library", { skip: skip || (!qemuImg && "qemu-img is missing") }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await openFile(page, demoImage());
  await go(page, "Convert");
  await page.check("#target-vmdk");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(".convert-form .primary")]);
  assert.equal(download.suggestedFilename(), "demo.vmdk");
  execFileSync(qemuImg, ["check", "-f", "vmdk", await download.path()]);
  execFileSync(qemuImg, ["compare", "-f", "vmdk", "-F", "vmdk", await download.path(), converted("vmdk")]);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("qemu-img finds nothing wrong", { skip: skip || (!qemuImg && "qemu-img is missing") }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await openFile(page, demoImage());
  await go(page, "Convert");
  for (const [target, format] of [["qcow2", "qcow2"], ["vdi", "vdi"], ["vhdx", "vhdx"]]) {
    await page.check(`#target-${target}`);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(".convert-form .primary")]);
    execFileSync(qemuImg, ["check", "-f", format, await download.path()]);
    execFileSync(qemuImg, ["compare", "-f", format, "-F", "raw", await download.path(), converted("raw", "--disk=gpt")]);
    await page.waitForSelector(".notice.good");
  }
  assert.deepEqual(complaints, []);
  await context.close();
});

test("what is open is not the name that is suggested", { skip }, async () => {
  const { page, complaints, context } = await visit(site, { saving: "file" });
  await openFile(page, demoImage());
  await go(page, "Convert");
  await page.check("#target-ntfsclone");
  await page.click(".convert-form .primary");
  await page.waitForSelector(".notice.good");
  assert.match(await page.textContent(".notice.good"), /^demo copy\.img is complete/);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("an image of partclone in pieces becomes a disk; before that, sizes are estimated", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  const image = join(scratch("page-partclone"), "sda1.ntfs-ptcl-img");
  renameSync(converted("partclone"), image);
  await openFile(page, image);
  await go(page, "Convert");
  assert.match(await page.textContent(".target:has(#target-vhdx) .target-size"), /^about 3\.75 MiB$/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(".convert-form .primary")]);
  assert.equal(download.suggestedFilename(), "sda1.vhdx");
  assert.deepEqual(await digestOfFile(await download.path()), await digestOfFile(converted("vhdx")));
  assert.deepEqual(complaints, []);
  await context.close();
});

test("of a metadata image no disk is offered first, and what cannot be made is said", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await openFile(page, demoMetadata());
  assert.equal(await page.locator("text=Make a virtual machine's disk").count(), 0);
  await go(page, "Convert");
  assert.ok(await page.isChecked("#target-raw"));
  await page.waitForSelector(".target:has(#target-vhdx) .target-impossible");
  await page.check("#target-vhdx");
  await page.click(".convert-form .primary");
  await page.waitForSelector(".notice.error");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("before a metadata image is made, it is told what will be in it, and how large it will be", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await openFile(page, demoImage());
  await page.waitForSelector('.map[data-survey="done"]');
  await go(page, "Convert");
  await page.check("#target-metadata");
  await page.waitForSelector(".anonymise ul");
  const told = await page.textContent(".anonymise");
  // What the program tells after it made one.
  const made = ntfsclone("--metadata", "--save-image", "-o", join(scratch("page-remains"), "metadata.img"), demoVolume());
  const count = (pattern) => Number(pattern.exec(made)[1]).toLocaleString("en");
  for (const [text, pattern] of [
    ["names of files and folders, with the file system's own", /(\d+) file names/],
    ["names of streams", /(\d+) names of streams/],
    ["owners and permissions of single files", /(\d+) security descriptors of single files/],
  ]) {
    assert.ok(told.includes(`${text}: ${count(pattern)}`), `${text}: ${count(pattern)} in ${told}`);
  }
  const kib = (pattern) => `${Number((Number(pattern.exec(made)[1]) / 1024).toPrecision(3))} KiB`;
  assert.ok(told.includes(`the start of the journal: ${kib(/(\d+) bytes of \$LogFile/)}`), told);
  assert.ok(told.includes(`unused bytes in MFT records: ${count(/slack of records (\d+)/)} bytes`), told);
  assert.ok(told.includes(`content of small files in MFT records: ${kib(/small files (\d+)/)}`), told);
  assert.match(told, /such as .*Report\.txt/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(".convert-form .primary")]);
  const { length } = await digestOfFile(await download.path());
  await page.waitForSelector(".notice.good");
  assert.equal(await page.textContent(".target:has(#target-metadata) .target-size"), `${Math.round(length / 1024)} KiB`);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("compressed: zstd gives back the same", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await openFile(page, demoVolume());
  await go(page, "Convert");
  await page.check("#target-ntfsclone");
  await page.check("#compress");
  await page.selectOption("#level", "1");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(".convert-form .primary")]);
  assert.equal(download.suggestedFilename(), "demo.img.zst");
  const path = join(scratch("page-compressed"), "demo.img");
  execFileSync("zstd", ["-q", "-d", "-o", path, await download.path()]);
  assert.deepEqual(await digestOfFile(path), await digestOfFile(demoImage()));
  assert.deepEqual(complaints, []);
  await context.close();
});

for (const saving of ["file", "download"]) {
  test(`cancelled in the middle, nothing is left: ${saving}`, { skip: skip || (mkntfs ? false : "no mkntfs") }, async () => {
    const { page, context } = await visit(site, { saving });
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
    // So that there is time to cancel: holes of 60 GiB become zeros of a download. In a file they take none, as do
    // frames of zeros; content does.
    await openFile(page, saving === "download" ? emptyVolume("60g.ntfs", 60 * 1024 ** 3, 4096) : fullVolume());
    await go(page, "Convert");
    await page.check("#target-raw");
    if (saving === "file") {
      await page.check("#compress");
    }
    const download = saving === "download" ? page.waitForEvent("download") : undefined;
    await page.click(".convert-form .primary");
    const started = await download;
    await page.waitForFunction(() => /B of \d+(\.\d+)? [MG]iB.*B\/s/.test(document.querySelector(".meter-figures")?.textContent));
    if (started) {
      await page.waitForFunction(() => / left$/.test(document.querySelector(".meter-figures")?.textContent));
    }
    await page.evaluate(() => document.querySelector(".meter button").click());
    await page.waitForSelector(".convert .notice");
    assert.match(await page.textContent(".convert .notice"), /Nothing was kept/);
    if (started) {
      assert.notEqual(await started.failure(), null);
    } else {
      assert.deepEqual((await saved(page, "full-400.ntfs.zst")).names, []);
    }
    // The same can be asked again.
    await page.check("#target-ntfsclone");
    const again = saving === "download" ? page.waitForEvent("download") : undefined;
    await page.click(".convert-form .primary");
    await page.waitForSelector(".notice.good");
    assert.equal((await (await again)?.failure()) ?? null, null);
    await context.close();
  });
}
