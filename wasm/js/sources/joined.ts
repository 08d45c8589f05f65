import { NtfscloneError } from "../error.js";
import type { RandomAccess } from "./source.js";

/** Files that follow each other in one source: the module finds a file in it by its name. */
export function joined(files: RandomAccess[]): RandomAccess {
  const [first, ...others] = files;
  if (!first) {
    throw new NtfscloneError("argument", "no files are given");
  }
  if (others.length === 0) {
    return first;
  }
  let size = 0;
  const parts = files.map((file) => {
    const start = size;
    size += file.size;
    return { file, start };
  });
  /** What is read of each file, and where in the result it belongs. */
  const split = (offset: number, length: number) =>
    parts.flatMap(({ file, start }) => {
      const [from, to] = [Math.max(offset, start), Math.min(offset + length, start + file.size)];
      return from < to ? [{ file, offset: from - start, length: to - from, at: from - offset }] : [];
    });
  return {
    name: first.name,
    size,
    async read(offset, length, signal) {
      const bytes = new Uint8Array(length);
      for (const part of split(offset, length)) {
        const read = await part.file.read(part.offset, part.length, signal);
        if (read.length !== part.length) {
          return bytes.subarray(0, part.at);
        }
        bytes.set(read, part.at);
        part.file.takeBack?.(read);
      }
      return bytes;
    },
    ...(files.every(({ blobs }) => blobs) && { blobs: files.flatMap(({ blobs }) => blobs!) }),
    ...(files.every(({ readInto }) => readInto) && {
      readInto(offset: number, memory: Uint8Array) {
        let filled = 0;
        for (const part of split(offset, memory.length)) {
          filled += part.file.readInto!(part.offset, memory.subarray(part.at, part.at + part.length));
        }
        return filled;
      },
    }),
    async checkUnchanged() {
      for (const file of files) {
        await file.checkUnchanged?.();
      }
    },
    close: () => closeAll(files),
  };
}

/** Names by which the files find each other: those from their common folder on. */
export function namesOf(files: RandomAccess[]): string[] {
  const folders = files.map(({ name }) => name.replace(/[^\\/]*$/, ""));
  let common = folders[0] ?? "";
  while (!folders.every((folder) => folder.startsWith(common))) {
    common = common.replace(/[^\\/]*[\\/]$/, "");
  }
  const names = files.map(({ name }) => name.slice(common.length));
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) {
      throw new NtfscloneError("argument", `two files are called ${name}: their names must differ`);
    }
    seen.add(name);
  }
  return names;
}

export async function closeAll(files: RandomAccess[]): Promise<void> {
  for (const file of files) {
    await file.close?.();
  }
}
