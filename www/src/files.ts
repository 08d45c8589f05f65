/** Files that a visitor chose or dropped, as candidates to open. */

export interface Candidate {
  name: string;
  /** One, or the pieces of one, in order; or those of one virtual disk. */
  files: File[];
  /** The files are those of one virtual disk, which find each other by their names. */
  areOneDisk?: boolean;
  /** To open it again another day; of one file only. */
  handle?: FileSystemFileHandle | undefined;
}

/** Pieces as `split` (Clonezilla), `split -d` and 7-Zip name them: the rest of the name, and which. */
const PIECE = /^(.+)\.([a-z]{2}|\d{2,3})$/;

/** Names of virtual disks and E01 segments; and of files that they may need. */
const VIRTUAL_DISK = /\.(vmdk|a?vhdx?|vdi|qcow2?|e\d\d|e[a-z]{2})$/i;
const NEEDED_BY_DISK = /\.(img|raw)$/i;

/** Puts the pieces of one file together: those in sequence from the first. What has no pieces stays as it is. */
export function candidatesOf(files: File[]): Candidate[] {
  const sets = new Map<string, File[]>();
  const singles: File[] = [];
  for (const file of [...files].sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1))) {
    const base = PIECE.exec(pathOf(file))?.[1];
    if (base === undefined) {
      singles.push(file);
    } else {
      sets.set(base, [...(sets.get(base) ?? []), file]);
    }
  }
  const candidates: Candidate[] = [];
  for (const [base, pieces] of sets) {
    if (isSequence(pieces)) {
      candidates.push({ name: base, files: pieces });
    } else {
      singles.push(...pieces);
    }
  }
  const disks = singles.filter(({ name }) => VIRTUAL_DISK.test(name));
  const ofDisk = singles.filter(({ name }) => VIRTUAL_DISK.test(name) || NEEDED_BY_DISK.test(name));
  if (disks.length > 0 && ofDisk.length > 1) {
    candidates.push({ name: pathOf(disks[0]!), files: ofDisk, areOneDisk: true });
  }
  candidates.push(...singles.map((file) => ({ name: pathOf(file), files: [file] })));
  // An image is larger than what lies beside it.
  return candidates.sort((a, b) => sizeOf(b) - sizeOf(a));
}

export function sizeOf({ files }: Candidate): number {
  return files.reduce((sum, file) => sum + file.size, 0);
}

export function pathOf(file: File): string {
  // Without the folder itself.
  return file.webkitRelativePath.split("/").slice(1).join("/") || file.name;
}

function isSequence(files: File[]): boolean {
  const suffixes = files.map((file) => PIECE.exec(file.name)?.[2] ?? "");
  const first = suffixes[0] ?? "";
  if (files.length < 2 || !/^(aa|0+1?)$/.test(first)) {
    return false;
  }
  return suffixes.every((suffix, index) => suffix.length === first.length && ordinal(suffix) === ordinal(first) + index);
}

function ordinal(suffix: string): number {
  const letters = /^([a-z])([a-z])$/.exec(suffix);
  const code = (letter: string | undefined) => (letter?.charCodeAt(0) ?? 0) - 97;
  return letters ? code(letters[1]) * 26 + code(letters[2]) : Number(suffix);
}

/** The dropped files. Read `data` before the first `await`: the browser empties it afterwards. */
export async function dropped(data: DataTransfer): Promise<Candidate[]> {
  const items = [...data.items].filter(({ kind }) => kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry());
  const handles = items.map((item) => (item as WithHandle).getAsFileSystemHandle?.());
  const loose = [...data.files];
  const [handle] = await Promise.all(handles).catch(() => []);
  if (items.length === 1 && handle?.kind === "file") {
    const file = await (handle as FileSystemFileHandle).getFile();
    return [{ name: file.name, files: [file], handle: handle as FileSystemFileHandle }];
  }
  if (entries.some((entry) => entry?.isDirectory)) {
    const files = await Promise.all(entries.map((entry) => (entry ? filesIn(entry) : [])));
    return candidatesOf(files.flat());
  }
  return candidatesOf(loose);
}

interface WithHandle {
  getAsFileSystemHandle?(): Promise<FileSystemHandle | null>;
}

async function filesIn(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    return [await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const files: File[] = [];
  for (;;) {
    // Some browsers give a hundred at a time.
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) {
      return files;
    }
    for (const child of part) {
      files.push(...(await filesIn(child)));
    }
  }
}
