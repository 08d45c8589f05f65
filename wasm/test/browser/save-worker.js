// Opens what it is sent, off the main thread, and saves it into the storage of the origin, of which nothing may be left.

import { open } from "../../pkg/js/browser.js";

onmessage = async ({ data: { source, target, name, isFull } }) => {
  try {
    if (isFull) {
      FileSystemSyncAccessHandle.prototype.write = (bytes) => bytes.length - 1;
    }
    const directory = await navigator.storage.getDirectory();
    const image = await open(source);
    const saved = await image.save(target, await directory.getFileHandle(name, { create: true }));
    await image.close();
    postMessage({ saved });
  } catch ({ code, message }) {
    postMessage({ code, message });
  }
};
