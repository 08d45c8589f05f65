// Opening: files, folders, pieces, disks, the sample, and what cannot be opened.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { cutImage, demoCompressed, demoImage, demoVolume, disk, diskOfTwo, diskWithDamagedTable, mkntfs, noisyVolume, ntfsclone, qemuImg, scratch, virtualDisk } from "../../wasm/test/support/fixtures.js";
import { go, openFile, skip, start, visit } from "./support/page.js";

let site;
before(async () => {
  site = skip ? undefined : await start();
});
after(() => site?.close());

for (const [what, fixture, kind] of [
  ["an image", demoImage, "ntfsclone image"],
  ["a compressed image", demoCompressed, "ntfsclone image"],
  ["a volume", demoVolume, "NTFS volume"],
]) {
  test(`${what} is told at a glance, as the command-line tool does`, { skip }, async () => {
    const { page, complaints, context } = await visit(site);
    await openFile(page, fixture());
    const { volume } = JSON.parse(ntfsclone("info", "--json", fixture()));
    assert.equal(await page.textContent(".overview .eyebrow"), kind);
    assert.equal(await page.textContent(".overview h1"), volume.label);
    const facts = await page.textContent(".facts");
    for (const fact of [volume.serial, volume.ntfs_version, volume.clusters.toLocaleString("en")]) {
      assert.ok(facts.includes(fact), `${fact} is missing in ${facts}`);
    }
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("what is compressed as a whole is decompressed once, and looked into as all else", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.setInputFiles("#file", { name: "demo.ntfs.gz", mimeType: "", buffer: gzipSync(readFileSync(demoVolume()), { level: 1 }) });
  await page.waitForSelector('.map[data-survey="done"]');
  assert.equal(await page.textContent(".overview h1"), "Demo");
  assert.match(await page.textContent(".overview"), /Contained ingzip/);
  await page.click('.sections a:has-text("Bytes")');
  await page.click('.hex-places button:has-text("$MFT")');
  await page.waitForFunction(() => document.querySelector(".outline-head")?.textContent.startsWith("MFT record 0"));
  // Cut short, it is no smaller volume but damaged.
  await page.click('[aria-label="Close"]');
  await page.setInputFiles("#file", { name: "cut.gz", mimeType: "", buffer: gzipSync(readFileSync(demoImage())).subarray(0, 100_000) });
  await page.waitForSelector(".notice.error");
  assert.match(await page.textContent(".notice.error"), /compressed data is damaged/);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a larger one is browsed by an index, and nothing of it is stored", { skip: skip || (mkntfs ? false : "no mkntfs") }, async () => {
  const path = join(scratch("by-index"), "noisy.ntfs.gz");
  writeFileSync(path, gzipSync(readFileSync(noisyVolume()), { level: 1 }));
  const { page, complaints, context } = await visit(site);
  await openFile(page, path);
  assert.match(await page.textContent(".overview"), /Contained ingzip/);
  await go(page, "Files");
  await page.waitForSelector('.rows .entry-link:has-text("content.bin")');
  await page.click('.rows .entry-link:has-text("content.bin")');
  await page.waitForSelector('.file-panel h2:has-text("content.bin")');
  await page.waitForSelector('.file-panel :text("what stands at 0")');
  const stored = await page.evaluate(async () => {
    const names = [];
    for await (const name of (await navigator.storage.getDirectory()).keys()) {
      names.push(name);
    }
    return names;
  });
  assert.deepEqual(stored, []);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("the first information comes in less than 300 ms", { skip }, async () => {
  const { page, context } = await visit(site);
  // The program is loaded while the visitor looks for a file.
  await page.waitForLoadState("networkidle");
  const times = [];
  for (let count = 0; count < 3; count += 1) {
    await page.evaluate(() => {
      document.querySelector("#file").addEventListener("change", () => {
        const started = performance.now();
        new MutationObserver((_, observer) => {
          if (document.querySelector(".overview h1")) {
            window.elapsed = performance.now() - started;
            observer.disconnect();
          }
        }).observe(document.querySelector("main"), { childList: true, subtree: true });
      }, { capture: true });
    });
    await openFile(page, demoImage());
    times.push(await page.evaluate(() => window.elapsed));
    await page.click('[aria-label="Close"]');
    await page.waitForSelector(".drop");
  }
  const [, median] = times.sort((a, b) => a - b);
  assert.ok(median < 300, `${times.map(Math.round)} ms`);
  await context.close();
});

test("the sample is one click away, and its address opens it again", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.click("text=Try a sample volume");
  await page.waitForSelector(".overview h1");
  assert.equal(await page.textContent(".overview h1"), "Demo");
  await page.click('.sections a:has-text("Bytes")');
  await page.click('.hex-places button:has-text("$MFT")');
  await page.waitForFunction(() => document.querySelector(".inspector")?.textContent.includes("$MFT"));
  const address = await page.evaluate(() => location.href);
  assert.match(address, /#bytes\?open=sample&at=\d+$/);
  const before = await page.textContent(".inspector");
  await page.reload();
  await page.waitForSelector(".hex .cursor");
  await page.waitForFunction((text) => document.querySelector(".inspector")?.textContent === text, before);
  assert.equal(await page.evaluate(() => location.href), address);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("an address that leads to a place in a file asks for that file, and goes there", { skip }, async () => {
  const { page, context } = await visit(site, { hash: "#bytes?at=4096" });
  assert.match(await page.textContent(".drop .notice"), /Open the image to go there/);
  await page.setInputFiles("#file", demoVolume());
  await page.waitForFunction(() => document.querySelector(".inspector")?.textContent.includes("4,096 (0x1000)"));
  await context.close();
});

test("pieces and folders: what belongs together is one", { skip }, async () => {
  const folder = join(scratch("page-pieces"), "partimag");
  mkdirSync(folder, { recursive: true });
  const bytes = readFileSync(demoImage());
  const third = Math.ceil(bytes.length / 3);
  ["aa", "ab", "ac"].forEach((suffix, index) => {
    writeFileSync(join(folder, `sda1.img.${suffix}`), bytes.subarray(index * third, (index + 1) * third));
  });
  const { page, complaints, context } = await visit(site);
  await page.setInputFiles("#file", ["aa", "ab", "ac"].map((suffix) => join(folder, `sda1.img.${suffix}`)));
  await page.waitForSelector(".overview h1");
  assert.equal(await page.textContent(".shell-file .name"), "sda1.img");

  copyFileSync(demoVolume(), join(folder, "other.ntfs"));
  await page.click('[aria-label="Close"]');
  await page.setInputFiles("#folder", folder);
  const choices = await page.locator(".choice").allTextContents();
  assert.equal(choices.length, 2);
  assert.ok(choices.some((text) => /sda1\.img.*3 pieces/.test(text)), choices.join());
  await page.click('.choice:has-text("sda1.img")');
  await page.waitForSelector(".overview h1");
  await page.click('.sections a:has-text("Validate")');
  await page.click(".invite .primary");
  await page.waitForSelector(".verdict.sound");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("of a disk whose partition table is damaged, that is shown", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.setInputFiles("#file", diskWithDamagedTable());
  await page.waitForSelector(".overview h1");
  assert.match(await page.textContent(".notice.warning"), /partition table is damaged; its backup/);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("of a whole disk, the only partition with NTFS is opened; others can be chosen", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.setInputFiles("#file", disk());
  await page.waitForSelector(".overview h1");
  assert.match(await page.textContent(".notice.warning"), /partition 2 of the disk is opened, the only one with NTFS/);
  await page.click(".list-partitions");
  // What has no NTFS is named.
  await page.click(".choice:not(:has(.chip.good))");
  await page.waitForSelector(".notice.error");
  assert.match(await page.textContent(".notice.error"), /^Partition 1 of disk\.raw cannot be opened/);
  await page.click(".list-partitions");
  await page.click(".choice:has(.chip.good)");
  await page.waitForSelector(".overview:not(:has(.notice.warning)) h1");
  await context.close();
  assert.deepEqual(complaints, []);
});

test("of a disk with several NTFS partitions, one is chosen, and its bytes are those of the volume", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.setInputFiles("#file", diskOfTwo());
  await page.click('.choice:has-text("Partition 2")');
  await page.waitForSelector(".overview h1");
  assert.equal(await page.locator(".list-partitions").count(), 0);
  await page.click('.sections a:has-text("Bytes")');
  await page.waitForFunction(() => document.querySelector(".hex-row:nth-child(2) .hex-text")?.textContent.includes("NTFS"));
  assert.deepEqual(complaints, []);
  await context.close();
});

for (const format of ["qcow2", "vdi", "vpc", "vhdx", "vmdk"]) {
  test(`of a virtual disk (${format}), its partition is opened, validated and converted`, { skip: skip || (!qemuImg && "qemu-img is missing") }, async () => {
    const { page, complaints, context } = await visit(site);
    await page.setInputFiles("#file", virtualDisk(format));
    await page.waitForSelector('.map[data-survey="done"]');
    assert.equal(await page.textContent(".overview h1"), "Demo");
    await go(page, "Validate");
    await page.click(".invite .primary");
    await page.waitForSelector(".verdict.sound");
    await go(page, "Convert");
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(".convert-form .primary")]);
    assert.equal(await download.failure(), null);
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("of a virtual disk in several files, all are opened together", { skip: skip || (!qemuImg && "qemu-img is missing") }, async () => {
  const folder = scratch("page-several");
  const descriptor = join(folder, "machine.vmdk");
  execFileSync(qemuImg, ["convert", "-O", "vmdk", "-o", "subformat=monolithicFlat", disk(), descriptor]);
  const { page, complaints, context } = await visit(site);
  await page.setInputFiles("#file", descriptor);
  assert.match(await page.textContent(".notice.error"), /machine-flat\.vmdk.*in several files/);
  await page.setInputFiles("#file", [join(folder, "machine-flat.vmdk"), descriptor]);
  await page.click('.choice:has-text("One disk in these 2 files")');
  await page.waitForSelector(".overview h1");
  assert.equal(await page.textContent(".overview h1"), "Demo");
  assert.equal(await page.textContent(".shell-file .name"), "machine.vmdk");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("what cannot be opened is told in words, and the next can be", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  await page.setInputFiles("#file", { name: "letter.txt", mimeType: "text/plain", buffer: Buffer.alloc(10_000, "a letter ") });
  const message = await page.textContent(".notice.error");
  assert.match(message, /^letter\.txt cannot be openedIt is neither an image of ntfsclone nor an NTFS volume\./);
  assert.doesNotMatch(message, /start is lost/);
  await page.click('.notice.error [aria-label="Dismiss"]');
  assert.equal(await page.locator(".notice.error").count(), 0);
  await openFile(page, cutImage());
  assert.equal(await page.locator(".notice.error").count(), 0);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("what takes time to open tells how far it is, and can be stopped", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  // What is small takes none: the worker is made to seem slow.
  await page.addInitScript(() => {
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message, ...rest) {
      if (message.call === "open") {
        setTimeout(() => this.dispatchEvent(new MessageEvent("message", { data: { id: message.id, progress: { done: 3 << 20, total: 4 << 20 } } })), 300);
      } else {
        post.call(this, message, ...rest);
      }
    };
  });
  await page.reload();
  await page.setInputFiles("#file", demoImage());
  await page.waitForFunction(() => document.querySelector(".meter-percent")?.textContent === "75%");
  assert.equal(await page.textContent(".meter h1"), "Opening demo.img");
  await page.click(".meter button");
  await page.waitForSelector(".drop");
  assert.equal(await page.locator(".notice").count(), 0);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a file is dropped anywhere on the page", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  const bytes = readFileSync(demoImage()).toString("base64");
  await page.evaluate(() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(["content"], "dropped.img"));
    document.body.dispatchEvent(new DragEvent("dragenter", { bubbles: true, dataTransfer }));
  });
  assert.ok(await page.isVisible(".drop-veil"));
  await page.evaluate((bytes) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], "dropped.img"));
    document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, dataTransfer: data }));
  }, bytes);
  await page.waitForSelector(".overview h1");
  assert.ok(!(await page.isVisible(".drop-veil")));
  assert.equal(await page.textContent(".shell-file .name"), "dropped.img");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a file that the browser lets the page keep is open again after a reload", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  const bytes = readFileSync(demoImage()).toString("base64");
  // What a visitor would choose, in the browser's own storage: that may be read again without asking.
  await page.addInitScript(() => {
    window.showOpenFilePicker = async () => [await (await navigator.storage.getDirectory()).getFileHandle("kept.img")];
  });
  await page.evaluate(async (bytes) => {
    const handle = await (await navigator.storage.getDirectory()).getFileHandle("kept.img", { create: true });
    const writable = await handle.createWritable();
    await writable.write(Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0)));
    await writable.close();
  }, bytes);
  await page.reload();
  await page.click("text=Choose a file");
  await page.waitForSelector(".overview h1");
  await page.click('.sections a:has-text("Bytes")');
  await page.click('.hex-places button:has-text("$MFT")');
  await page.waitForFunction(() => document.querySelector(".inspector")?.textContent.includes("$MFT"));
  await page.reload();
  await page.waitForFunction(() => document.querySelector(".inspector")?.textContent.includes("$MFT"));
  assert.equal(await page.textContent(".shell-file .name"), "kept.img");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("by keyboard alone: the sample, every section, and a report", { skip }, async () => {
  const { page, complaints, context } = await visit(site);
  /** Goes on with Tab until what has the focus says that. */
  const tabTo = async (text) => {
    for (let count = 0; count < 60; count += 1) {
      await page.keyboard.press("Tab");
      const focused = await page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "");
      if (focused.includes(text)) {
        return;
      }
    }
    assert.fail(`${text} cannot be reached`);
  };
  await tabTo("Try a sample volume");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".overview h1");
  await tabTo("Map of clusters");
  await page.keyboard.press("ArrowRight");
  await page.evaluate(() => document.querySelector("main").focus());
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Validate");
  await page.keyboard.press("Enter");
  await tabTo("Validate");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".verdict.sound");
  assert.match(await page.textContent('[role="status"]'), /^No errors found$/);
  await tabTo("Export as JSON");
  const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
  assert.equal(download.suggestedFilename(), "sample.img.report.json");
  assert.deepEqual(complaints, []);
  await context.close();
});
