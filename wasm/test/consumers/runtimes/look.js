// Run by several runtimes: prints what an image is, whether it is sound, and the digest of its volume.
import { createHash } from "node:crypto";
import process from "node:process";
import { open } from "ntfsclone";

const image = await open(process.argv[2]);
const hash = createHash("sha256");
let size = 0;
for await (const piece of image.convert("raw")) {
  hash.update(piece);
  size += piece.length;
}
const { sound } = await image.validate();
const { label } = image.info().volume;
await image.close();
console.log(JSON.stringify({ label, sound, size, digest: hash.digest("hex") }));
