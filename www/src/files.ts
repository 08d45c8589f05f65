/** Files that a visitor chose or dropped, as candidates to open. */

import { isSidecar, SIDECAR } from "./sidecars.js";

export interface Candidate {
  name: string;
  /** One, or the pieces of one, in order; or those of one virtual disk. */
  files: File[];
  /** The files are those of one virtual disk, which find each other by their names. */
  areOneDisk?: boolean;
  /** Files with checksums of it. */
  sidecars: File[];
  /** The name of the first piece that is not among the files. */
  missing?: string | undefined;
  /** To open it again another day; of one file only. */
  handle?: FileSystemFileHandle | undefined;
}

/** What a visitor chose at once. */
export interface Chosen {
  /** The largest first. */
  candidates: Candidate[];
  /** Files with checksums that belong to no candidate. */
  sidecars: File[];
}

/** Pieces as `split` (Clonezilla), `split -d` and 7-Zip name them: the rest of the name, and which. */
const PIECE = /^(.+)\.([a-z]{2}|\d{2,3})$/;

/** Names of virtual disks and E01 segments; and of files that they may need. */
const VIRTUAL_DISK = /\.(vmdk|a?vhdx?|vdi|qcow2?|e\d\d|e[a-z]{2})$/i;
const NEEDED_BY_DISK = /\.(img|raw)$/i;

/** Puts the pieces of one file together, and checksums beside what they are of. What has no pieces stays as it is. */
export function chosenOf(files: File[]): Chosen {
  const sorted = [...files].sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1));
  const candidates = candidatesOf(sorted.filter((file) => !isSidecar(file)));
  const sidecars = sorted.filter(isSidecar);
  for (const candidate of candidates) {
    candidate.sidecars = sidecars.filter((sidecar) => candidates.length === 1 || isOf(sidecar, candidate));
  }
  const used = new Set(candidates.flatMap((candidate) => candidate.sidecars));
  return { candidates, sidecars: sidecars.filter((sidecar) => !used.has(sidecar)) };
}

function candidatesOf(files: File[]): Candidate[] {
  const sets = new Map<string, File[]>();
  const singles: File[] = [];
  for (const file of files) {
    const base = PIECE.exec(pathOf(file))?.[1];
    if (base === undefined) {
      singles.push(file);
    } else {
      sets.set(base, [...(sets.get(base) ?? []), file]);
    }
  }
  const candidates: Candidate[] = [];
  for (const [base, pieces] of sets) {
    if (arePieces(pieces)) {
      candidates.push({ name: base, files: pieces, sidecars: [], missing: missingIn(base, pieces) });
    } else {
      singles.push(...pieces);
    }
  }
  const disks = singles.filter(({ name }) => VIRTUAL_DISK.test(name));
  const ofDisk = singles.filter(({ name }) => VIRTUAL_DISK.test(name) || NEEDED_BY_DISK.test(name));
  if (disks.length > 0 && ofDisk.length > 1) {
    candidates.push({ name: pathOf(disks[0]!), files: ofDisk, sidecars: [], areOneDisk: true });
  }
  candidates.push(...singles.map((file) => ({ name: pathOf(file), files: [file], sidecars: [] })));
  // An image is larger than what lies beside it.
  return candidates.sort((a, b) => sizeOf(b) - sizeOf(a));
}

/** Whether the checksum has the name of the candidate, or of one of its files. */
function isOf(sidecar: File, { name, files }: Candidate): boolean {
  const of = pathOf(sidecar).replace(SIDECAR, "");
  return of === name || files.some((file) => pathOf(file) === of);
}

export function sizeOf({ files }: Candidate): number {
  return files.reduce((sum, file) => sum + file.size, 0);
}

export function pathOf(file: File): string {
  // Without the folder itself.
  return file.webkitRelativePath.split("/").slice(1).join("/") || file.name;
}

/** Letters of pieces begin with "a" until there are more than 26. */
const SUFFIX_OF_PIECE = /^(a[a-z]|\d+)$/;

/** Several files whose names end as those of pieces do: two formats, such as `.gz` and `.xz`, do not. */
function arePieces(files: File[]): boolean {
  const suffixes = files.map(suffixOf);
  const [first = ""] = suffixes;
  return files.length >= 2 && SUFFIX_OF_PIECE.test(first) && suffixes.every((suffix) => suffix.length === first.length);
}

/** The first piece that is not there, of those up to the last that is. */
function missingIn(base: string, pieces: File[]): string | undefined {
  const suffixes = pieces.map(suffixOf);
  const [first = ""] = suffixes;
  // `split` counts from 0, 7-Zip from 1.
  const start = /^\d/.test(first) && ordinal(first) > 0 ? 1 : 0;
  const index = suffixes.findIndex((suffix, index) => ordinal(suffix) !== start + index);
  return index < 0 ? undefined : `${base}.${suffixAt(start + index, first)}`;
}

function suffixOf(file: File): string {
  return PIECE.exec(file.name)?.[2] ?? "";
}

const LETTERS = 26;
const FIRST_LETTER = 97;

function ordinal(suffix: string): number {
  const isNumber = /^\d/.test(suffix);
  return isNumber ? Number(suffix) : [...suffix].reduce((sum, letter) => sum * LETTERS + letter.charCodeAt(0) - FIRST_LETTER, 0);
}

/** The suffix of that number, in the form of `like`. */
function suffixAt(number: number, like: string): string {
  if (/^\d/.test(like)) {
    return String(number).padStart(like.length, "0");
  }
  return String.fromCharCode(FIRST_LETTER + Math.floor(number / LETTERS), FIRST_LETTER + (number % LETTERS));
}

/** Whether there are files in what is dragged: not selected text, and not a link. */
export function hasFiles(data: DataTransfer | null): data is DataTransfer {
  return data?.types.includes("Files") ?? false;
}

/** The dropped files. Read `data` before the first `await`: the browser empties it afterwards. */
export async function dropped(data: DataTransfer): Promise<Chosen> {
  const items = [...data.items].filter(({ kind }) => kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry());
  const handles = items.map((item) => (item as WithHandle).getAsFileSystemHandle?.());
  const loose = [...data.files];
  const [handle] = await Promise.all(handles).catch(() => []);
  if (items.length === 1 && handle?.kind === "file") {
    return chosenFile(handle as FileSystemFileHandle);
  }
  if (entries.some((entry) => entry?.isDirectory)) {
    const files = await Promise.all(entries.map((entry) => (entry ? filesIn(entry) : [])));
    return chosenOf(files.flat());
  }
  return chosenOf(loose);
}

/** A file that can be opened again another day. */
export async function chosenFile(handle: FileSystemFileHandle): Promise<Chosen> {
  const { candidates, sidecars } = chosenOf([await handle.getFile()]);
  return { candidates: candidates.map((candidate) => ({ ...candidate, handle })), sidecars };
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
