// Makes what a visitor can try the page with: `node make-sample.js VOLUME SAMPLE`. An image of the volume, by the package as it is built, compressed as any
// browser can decompress it.

import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { open } from "ntfsclone";

const [volume, sample] = process.argv.slice(2);
const image = await open(volume);
const bytes = await new Response(image.convert("ntfsclone")).arrayBuffer();
writeFileSync(sample, gzipSync(bytes, { level: 9 }));
await image.close();
