// Modules of the page, to be called here.

import { fileURLToPath } from "node:url";
import { build } from "vite";

const folder = fileURLToPath(new URL("../../src/", import.meta.url));

/** What some files of the page's sources export. */
export async function bundle(...files) {
  const entry = "virtual-entry.js";
  const [{ output }] = await build({
    configFile: false,
    logLevel: "error",
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? files.map((file) => `export * from ${JSON.stringify(folder + file)};`).join("\n") : undefined),
      },
    ],
    build: { write: false, minify: false, lib: { entry, formats: ["es"] }, rolldownOptions: { input: entry } },
  });
  return import(`data:text/javascript;base64,${Buffer.from(output[0].code).toString("base64")}`);
}

/** Numbers that look random, and are the same each time: of each, what it is to be below is asked. */
export function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
