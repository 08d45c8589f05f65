// What every one of the projects does: opens an image, compressed and validated so that all modules are loaded, and shows its label.

import { open } from "ntfsclone";
import { lz4Frame } from "./lz4-frame.js";

export async function show() {
  const answer = await fetch("/fixtures/demo.img");
  const image = await open(lz4Frame(new Uint8Array(await answer.arrayBuffer())));
  const { sound } = await image.validate();
  document.body.textContent = `${image.info().volume.label}: ${sound ? "sound" : "not sound"}`;
  await image.close();
}
