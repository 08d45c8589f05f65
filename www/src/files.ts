/** Files that a visitor chose or dropped, as candidates to open. */

import { pathOf } from "./file-path.js";
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

/** Pieces as `split` (Clonezilla), `split -d` and 7-Zip name them: the rest of the name, what stands before the suffix, and which it is. */
const PIECE = /^(.+)([._-])(a[a-z]{1,3}|\d{2,4})$/;

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
    const [, base = "", separator = ""] = PIECE.exec(pathOf(file)) ?? [];
    if (base === "") {
      singles.push(file);
    } else {
      sets.set(base + separator, [...(sets.get(base + separator) ?? []), file]);
    }
  }
  const candidates: Candidate[] = [];
  for (const [stem, pieces] of sets) {
    const missing = missingIn(stem, pieces);
    if (arePieces(pieces, missing !== undefined)) {
      candidates.push({ name: stem.slice(0, -1), files: pieces, sidecars: [], missing });
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

/** Several files whose suffixes are of one form. If one is missing, others may have such names, too: but pieces are as large as each other, all but the last. */
function arePieces(files: File[], isOneMissing: boolean): boolean {
  const suffixes = files.map(suffixOf);
  const [first = ""] = suffixes;
  const isNumber = (suffix: string) => /^\d/.test(suffix);
  const haveOneForm = suffixes.every((suffix) => suffix.length === first.length && isNumber(suffix) === isNumber(first));
  const haveOneSize = files.slice(0, -1).every(({ size }) => size === files[0]?.size) && (files.at(-1)?.size ?? 0) <= (files[0]?.size ?? 0);
  return files.length >= 2 && haveOneForm && (!isOneMissing || haveOneSize);
}

/** The first piece that is not there, of those up to the last that is. */
function missingIn(stem: string, pieces: File[]): string | undefined {
  const suffixes = pieces.map(suffixOf);
  const [first = ""] = suffixes;
  // `split` counts from 0, 7-Zip from 1.
  const start = /^\d/.test(first) && ordinal(first) > 0 ? 1 : 0;
  const index = suffixes.findIndex((suffix, index) => ordinal(suffix) !== start + index);
  return index < 0 ? undefined : stem + suffixAt(start + index, first);
}

function suffixOf(file: File): string {
  return PIECE.exec(file.name)?.[3] ?? "";
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
  let [letters, rest] = ["", number];
  while (letters.length < like.length) {
    letters = String.fromCharCode(FIRST_LETTER + (rest % LETTERS)) + letters;
    rest = Math.floor(rest / LETTERS);
  }
  return letters;
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
