// Converts what it is sent, off the main thread.

import { open } from "../../pkg/js/browser.js";

onmessage = async ({ data: source }) => {
  try {
    const image = await open(source);
    const report = await image.validate();
    let length = 0;
    for await (const piece of streamed(image.convert("raw"))) {
      length += piece.length;
    }
    await image.close();
    postMessage({ info: image.info(), report, length });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};

async function* streamed(stream) {
  const reader = stream.getReader();
  for (let result; !(result = await reader.read()).done; ) {
    yield result.value;
  }
}
