/** Files with checksums that lie beside what they are of, as `b3sum`, `sha256sum` and `ntfsclone --checksum` write them. */

import { Failure } from "./failure.js";
import { pathOf } from "./file-path.js";
import { strings } from "./strings.js";

export type Algorithm = "b3" | "sha256";

/** How their names end. */
export const SIDECAR = /\.(b3|sha256)$/i;
/** A limit of ours: what is larger is no list of checksums. */
const MOST_BYTES = 1 << 20;

/** A checksum of what is open, or of a piece of it. */
export interface Sidecar {
  /** The name of the file that it stands in. */
  name: string;
  algorithm: Algorithm;
  /** 64 hexadecimal digits, small letters. */
  digest: string;
  /** The index of the piece that it is of; null if of all of it. */
  piece: number | null;
}

export function isSidecar({ name, size }: File): boolean {
  return SIDECAR.test(name) && size <= MOST_BYTES;
}

/** What the files say of what is open: of `pieces`, which together are called `whole`. Fails if one says nothing of it. */
export async function readSidecars(files: File[], whole: string, pieces: readonly string[]): Promise<Sidecar[]> {
  const read = await Promise.all(files.map(async (file) => sidecarsIn(file, await file.text(), whole, pieces)));
  return read.flat();
}

/** A line of `sha256sum`, with the name behind it or not; and what is before the digest with `--tag`. */
const LINE = /^\\?([0-9a-f]{64})(?: [ *](.+))?$/i;
const TAGGED = /^\\?(?:BLAKE3|SHA256) \((.+)\) = ([0-9a-f]{64})$/i;

function sidecarsIn(file: File, text: string, whole: string, pieces: readonly string[]): Sidecar[] {
  const lines = text.split(/\r?\n/).flatMap((line) => {
    const [, plain, name = ""] = LINE.exec(line) ?? [];
    const [, taggedName = "", tagged] = TAGGED.exec(line) ?? [];
    return plain !== undefined ? [{ digest: plain, name }] : tagged !== undefined ? [{ digest: tagged, name: taggedName }] : [];
  });
  const algorithm: Algorithm = /\.b3$/i.test(file.name) ? "b3" : "sha256";
  const own = lastName(pathOf(file)).replace(SIDECAR, "");
  const sidecars = lines.flatMap(({ digest, name }): Sidecar[] => {
    // The only one is of the file beside it, whatever that was called when it was made.
    const piece = pieceOf(lines.length === 1 ? [own, lastName(name)] : [lastName(name)], whole, pieces) ?? (lines.length === 1 ? null : undefined);
    return piece === undefined ? [] : [{ name: file.name, algorithm, digest: digest.toLowerCase(), piece }];
  });
  if (sidecars.length === 0) {
    throw new Failure({ code: "sidecar", message: strings.sidecars.notOf(file.name, lines.length, whole) });
  }
  return sidecars;
}

/** The index of the piece of one of these names; null if it is that of all; undefined if it is none. */
function pieceOf(names: string[], whole: string, pieces: readonly string[]): number | null | undefined {
  for (const name of names) {
    const index = pieces.findIndex((piece) => lastName(piece) === name);
    if (index >= 0) {
      return pieces.length === 1 ? null : index;
    }
    if (lastName(whole) === name) {
      return null;
    }
  }
  return undefined;
}

function lastName(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path;
}
