// What the tools of ntfs-3g say of a volume: another account than ours.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

function tool(name) {
  return ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].map((folder) => `${folder}/${name}`).find((path) => existsSync(path));
}

const ntfscluster = tool("ntfscluster");
export const skipWithoutTools = ["ntfscluster", "ntfsinfo", "ntfscat", "ntfsls"].every(tool) ? false : "no tools of ntfs-3g";

/** The runs of a file of the volume, by its path. */
export function runsOf(volume, path) {
  const { stdout } = spawnSync(ntfscluster, ["-F", path, volume], { encoding: "utf8" });
  const runs = [...stdout.matchAll(/^ +\d+ +(\d+) +(\d+)$/gm)].map(([, lcn, length]) => ({ lcn: Number(lcn), length: Number(length) }));
  if (runs.length === 0) {
    throw new Error(`no runs of ${path} in ${stdout}`);
  }
  return runs;
}

const ntfsinfo = tool("ntfsinfo");

/** What ntfsinfo says of a record: its attributes, in order, with the lines about each; and those before the first. */
export function recordOf(volume, record) {
  const { stdout } = spawnSync(ntfsinfo, ["-v", "-i", String(record), volume], { encoding: "utf8" });
  const [head, ...attributes] = stdout.split(/^Dumping attribute /m);
  return {
    head,
    attributes: attributes.map((text) => {
      const runs = [...text.matchAll(/^\t\t\t0x([0-9a-f]+)\t+(?:0x([0-9a-f]+)|<\w+>)\t+0x([0-9a-f]+)$/gim)];
      return {
        name: text.split(" ")[0],
        isResident: / *Resident: \t\t Yes/.test(text),
        number: (label) => Number(new RegExp(`${label}:?\\s+(\\d+)`).exec(text)?.[1]),
        runs: runs.map(([, vcn, lcn, length]) => ({ vcn: parseInt(vcn, 16), lcn: lcn === undefined ? null : parseInt(lcn, 16), length: parseInt(length, 16) })),
        text,
      };
    }),
  };
}

const ntfscat = tool("ntfscat");
const ntfsls = tool("ntfsls");

/** The content of a file of the volume, or of its stream of that name. */
export function contentOf(volume, path, stream) {
  const { stdout, status } = spawnSync(ntfscat, ["-f", ...(stream ? ["-n", stream] : []), volume, path], { maxBuffer: 1 << 30 });
  if (status !== 0) {
    throw new Error(`no ${path}`);
  }
  return stdout;
}

/** The names of what is in a folder. */
export function namesIn(volume, path) {
  return spawnSync(ntfsls, ["-f", "-p", path, volume], { encoding: "utf8" })
    .stdout.split("\n")
    .filter((name) => name !== "" && name !== "." && name !== "..");
}
