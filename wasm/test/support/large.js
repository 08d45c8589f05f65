// Run with little memory: all that can be asked of a volume and its image, through sources of one's own.

import { createHash } from "node:crypto";
import { openSync, readSync, statSync } from "node:fs";
import { open } from "../../pkg/js/node.js";
import bind from "../../pkg/js/ntfsclone.js";
import { digest } from "./content.js";

let bytesRead = 0;

function source(path) {
  const file = openSync(path);
  return {
    name: path,
    size: statSync(path).size,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      bytesRead += length;
      readSync(file, bytes, 0, length, offset);
      return bytes;
    },
  };
}

const PAGE = 4096;

/** What lies where in a stream with holes, whether zeros came as bytes or as holes; and how long it is. */
async function layout(stream) {
  const hash = createHash("sha256");
  let length = 0;
  for await (const piece of stream) {
    if (piece instanceof Uint8Array) {
      for (let at = 0; at < piece.length; at += PAGE) {
        const page = piece.subarray(at, at + PAGE);
        if (page.some((byte) => byte !== 0)) {
          hash.update(`${length + at}:`).update(page);
        }
      }
    }
    length += piece.hole ?? piece.length;
  }
  return { length, sha256: hash.digest("hex") };
}

async function ask(path, convertsToImage) {
  const image = await open(source(path));
  const answers = {
    info: JSON.stringify(image.info()),
    report: JSON.stringify(await image.validate()),
    raw: await layout(image.convert("raw", { holes: true })),
    extents: (await image.extents()).length,
  };
  if (convertsToImage) {
    answers.image = await digest(image.convert("ntfsclone"));
  }
  await image.close();
  return answers;
}

const [volume, image] = process.argv.slice(2);
const answers = { volume: await ask(volume, true), image: await ask(image, false) };
const { memory } = await bind();
const { rss } = process.memoryUsage();
console.log(JSON.stringify({ ...answers, bytesRead, wasmMemory: memory.buffer.byteLength, rss }));
