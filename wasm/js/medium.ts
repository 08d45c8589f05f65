import { Engine } from "./engine.js";
import { NtfscloneError } from "./error.js";
import type { Source } from "./ntfsclone.js";
import type { RandomAccess } from "./sources/source.js";
import { Turns } from "./turns.js";

/** Closes the sources of what nobody closed, and nobody can use any longer. What the module holds, its bindings free. */
const abandoned = new FinalizationRegistry<() => Promise<void>>((close) => {
  // There is nobody to tell.
  close().catch(() => {});
});

/** What is read, and the pages of it that the module keeps: shared by all tasks of an image, and kept by them. */
export class Medium {
  readonly engine: Engine;
  readonly source: RandomAccess;
  readonly pages: Source;
  readonly turns = new Turns();

  /** What is within something else belongs to the same instance of the module. */
  constructor(source: RandomAccess, engine = new Engine()) {
    const { name, size, blobs, close } = source;
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new NtfscloneError("argument", `${name} cannot have ${size} bytes: 0 to 2^53 - 1 are possible`);
    }
    this.engine = engine;
    this.source = source;
    this.pages = engine.call((module) => new module.Source(BigInt(size)));
    engine.call(() => blobs?.forEach((blob) => this.pages.add_blob(blob)));
    if (close) {
      abandoned.register(this, close, this);
    }
  }

  /** Gives back the pages. The source is for whoever opened it to close. */
  free(): void {
    abandoned.unregister(this);
    this.engine.free(this.pages);
  }
}
