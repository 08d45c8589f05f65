// A project that uses the package, as it would come from the registry.

import { execFileSync } from "node:child_process";
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { scratch, tarball } from "./fixtures.js";

export const tools = fileURLToPath(new URL("../../node_modules/.bin/", import.meta.url));

/** A folder with the package installed, and these files of test/consumers. */
export function project(name, files = []) {
  const folder = scratch(name);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
  execFileSync("npm", ["install", "--offline", "--no-audit", "--no-fund", "--no-package-lock", tarball], {
    cwd: folder,
    stdio: "pipe",
  });
  for (const file of files) {
    cpSync(fileURLToPath(new URL(`../consumers/${file}`, import.meta.url)), join(folder, file), { recursive: true });
  }
  return folder;
}
