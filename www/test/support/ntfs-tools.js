// What the tools of ntfs-3g say of a volume: another account than ours.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

function tool(name) {
  return ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].map((folder) => `${folder}/${name}`).find((path) => existsSync(path));
}

const ntfscluster = tool("ntfscluster");
export const skipWithoutTools = ntfscluster ? false : "no ntfscluster";

/** The runs of a file of the volume, by its path. */
export function runsOf(volume, path) {
  const { stdout } = spawnSync(ntfscluster, ["-F", path, volume], { encoding: "utf8" });
  const runs = [...stdout.matchAll(/^ +\d+ +(\d+) +(\d+)$/gm)].map(([, lcn, length]) => ({ lcn: Number(lcn), length: Number(length) }));
  if (runs.length === 0) {
    throw new Error(`no runs of ${path} in ${stdout}`);
  }
  return runs;
}
