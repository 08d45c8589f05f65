import { pathOf } from "./file-path.js";
import type { Candidate } from "./files.js";
import { readSidecars, type Sidecar } from "./sidecars.js";

/** The checksums of what is open: those that were given with it, and those that are given later. */
export class SidecarFiles {
  readonly #whole: string;
  readonly #pieces: string[];
  readonly #files: File[];
  readonly #followers: (() => void)[] = [];

  constructor({ name, files, sidecars }: Candidate) {
    this.#whole = name;
    this.#pieces = files.map(pathOf);
    this.#files = [...sidecars];
  }

  /** What they are called. */
  get names(): string[] {
    return this.#files.map(({ name }) => name);
  }

  /** Calls `follower` when there are more. */
  follow(follower: () => void): void {
    this.#followers.push(follower);
  }

  /** Takes more of them, if they say something of what is open. */
  async add(files: File[]): Promise<void> {
    await readSidecars(files, this.#whole, this.#pieces);
    const others = this.#files.filter(({ name }) => !files.some((file) => file.name === name));
    this.#files.splice(0, this.#files.length, ...others, ...files);
    this.#followers.forEach((follower) => follower());
  }

  read(): Promise<Sidecar[]> {
    return readSidecars(this.#files, this.#whole, this.#pieces);
  }
}
