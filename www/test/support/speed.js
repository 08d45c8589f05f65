// The page beside the browser's own ceiling and the program, in one run.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launchPersistent } from "../../../wasm/test/support/chromium.js";
import { fullImage, fullVolume, program, scratch } from "../../../wasm/test/support/fixtures.js";
import { go, openFile, start, visit } from "./page.js";
import { serve } from "./server.js";

/** What the page does, what the browser does at best, and what the program does. */
const JOBS = [
  { name: "verify a volume", source: fullVolume, page: validate, ceiling: null, program: (input) => ["verify", input] },
  { name: "verify an image", source: fullImage, page: validate, ceiling: "read", program: (input) => ["verify", input] },
  { name: "raw to image", source: fullVolume, page: convertTo("ntfsclone"), ceiling: "copy", program: (input, output) => ["-q", "-s", "-o", output, input] },
  { name: "image to raw", source: fullImage, page: convertTo("raw"), ceiling: "copy", program: (input, output) => ["-q", "-r", "-o", output, input] },
];

/**
 * Measures jobs of those names `rounds` times each, with a volume that holds a file of `mib` MiB: seconds, the median of them. The profile of the
 * browser is on the disk: a private window would keep what is saved in memory.
 */
export async function measure({ mib, rounds, names = JOBS.map(({ name }) => name) }) {
  const folder = scratch("speed");
  const site = await start();
  const ceilings = await serve("/", fileURLToPath(new URL("./ceiling/", import.meta.url)));
  const results = [];
  try {
    for (const job of JOBS.filter(({ name }) => names.includes(name))) {
      const seconds = { page: [], ceiling: [], program: [] };
      for (let round = 0; round < rounds; round += 1) {
        const profile = mkdtempSync(join(folder, "profile-"));
        const browser = { newContext: (options) => launchPersistent(profile, options) };
        // The ceiling is of as many bytes as the job reads and writes: those of the image.
        if (job.ceiling !== null) {
          seconds.ceiling.push(await ceiling(browser, ceilings, job.ceiling, fullImage(mib)));
        }
        seconds.page.push(await job.page({ ...site, browser }, job.source(mib)));
        seconds.program.push(programTakes(job.program(job.source(mib), join(folder, "output"))));
        rmSync(profile, { recursive: true });
      }
      const { page, ceiling: best, program } = seconds;
      results.push({ name: job.name, bytes: statSync(fullImage(mib)).size, page: median(page), ceiling: median(best), program: median(program), seconds });
    }
  } finally {
    await site.close();
    await ceilings.close();
    rmSync(folder, { recursive: true });
  }
  return results;
}

/** Of an odd number of them; null of none. */
function median(list) {
  return list.length > 0 ? [...list].sort((a, b) => a - b)[list.length >> 1] : null;
}

async function ceiling(browser, server, job, path) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(server.address);
  await page.setInputFiles("#file", path);
  const seconds = await page.evaluate((job) => window.ceiling(job), job);
  await context.close();
  return seconds;
}

/** Opens it, and waits until nothing is read any longer. */
async function opened(site, path) {
  const visited = await visit(site, { saving: "file" });
  await openFile(visited.page, path);
  await visited.page.waitForSelector(".map-state.is-exact");
  return visited;
}

async function validate(site, path) {
  const { page, context } = await opened(site, path);
  await go(page, "Validate");
  const seconds = await timed(page, ".invite .primary", ".verdict");
  await context.close();
  return seconds;
}

function convertTo(target) {
  return async (site, path) => {
    const { page, context } = await opened(site, path);
    await go(page, "Convert");
    await page.check(`#target-${target}`);
    const seconds = await timed(page, ".convert-form .primary", ".notice.good");
    await context.close();
    return seconds;
  };
}

/** Seconds from a click until that element is there. */
async function timed(page, button, end) {
  const before = performance.now();
  await page.click(button);
  await page.waitForSelector(end, { timeout: 600_000 });
  return (performance.now() - before) / 1000;
}

function programTakes(args) {
  const before = performance.now();
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) {
    throw new Error(stderr);
  }
  const seconds = (performance.now() - before) / 1000;
  for (const output of args.filter((arg) => arg.endsWith("/output"))) {
    rmSync(output);
  }
  return seconds;
}
