import type { CustomSource } from "ntfsclone";

/** Several files, read as one. */
export class Pieces implements CustomSource {
  readonly name: string;
  readonly size: number;
  /** Gets all that is read. */
  onRead: ((offset: number, bytes: Uint8Array) => void) | undefined;
  readonly #files: { file: File; start: number }[] = [];

  constructor(name: string, files: File[]) {
    this.name = name;
    let size = 0;
    for (const file of files) {
      this.#files.push({ file, start: size });
      size += file.size;
    }
    this.size = size;
  }

  /** Where a file is in all of them; of null, all of them. */
  range(index: number | null): { start: number; end: number } {
    const piece = index === null ? undefined : this.#files[index];
    return piece ? { start: piece.start, end: piece.start + piece.file.size } : { start: 0, end: this.size };
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    const end = offset + length;
    for (const { file, start } of this.#files) {
      if (start < end && start + file.size > offset) {
        const part = file.slice(Math.max(offset - start, 0), Math.min(end - start, file.size));
        bytes.set(new Uint8Array(new FileReaderSync().readAsArrayBuffer(part)), Math.max(start - offset, 0));
      }
    }
    this.onRead?.(offset, bytes);
    return bytes;
  }
}

/** Exists in workers only, while the compiler has the types of pages. */
declare class FileReaderSync {
  readAsArrayBuffer(blob: Blob): ArrayBuffer;
}
