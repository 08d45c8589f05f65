// What every one of the projects does: opens an image, and shows its label.

import { open } from "ntfsclone";

export async function show() {
  const answer = await fetch("/fixtures/demo.img");
  const image = await open(await answer.blob());
  const { sound } = await image.validate();
  document.body.textContent = `${image.info().volume.label}: ${sound ? "sound" : "not sound"}`;
  await image.close();
}
