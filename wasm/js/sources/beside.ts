import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";

/**
 * Finds the file that a virtual disk calls `needed`, and others that are numbered like it: extents, segments. An image from
 * somewhere else can name any file: only regular files in the folder of the disk, or in folders in that, are found.
 */
export async function findBeside(first: string, needed: string): Promise<string[]> {
  try {
    const folder = await realpath(dirname(first));
    const path = needed.replaceAll("\\", "/");
    // Nothing outside of the folder is looked at: that can be enough to have an effect, such as to mount it.
    const named = isAbsolute(path) ? path : join(folder, path);
    const isAlike = needed.startsWith("with the UUID ") ? /\.vdi$/i : likeNumbered(basename(path));
    const alike = (await readdir(folder)).filter((name) => isAlike.test(name)).map((name) => join(folder, name));
    const candidates = [named, ...alike].filter((file) => file.startsWith(folder + sep));
    const found = await Promise.all(candidates.map((file) => regularIn(folder, file)));
    const itself = await realpath(first);
    const others = new Set(found.filter((file) => file !== undefined && file !== itself) as string[]);
    return [...others].map((file) => join(dirname(first), relative(folder, file)));
  } catch {
    // What cannot be listed has no files to find: the error of the disk says which is needed.
    return [];
  }
}

/** Names like this one in any case, with any digits. */
function likeNumbered(name: string): RegExp {
  const pattern = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/\d+/g, "\\d+");
  return new RegExp(`^${pattern}$`, "i");
}

/** The file without symbolic links, if it is one in the folder. */
async function regularIn(folder: string, file: string): Promise<string | undefined> {
  try {
    const real = await realpath(file);
    return real.startsWith(folder + sep) && (await stat(real)).isFile() ? real : undefined;
  } catch {
    return undefined;
  }
}
