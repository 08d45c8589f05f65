import { Engine } from "./engine.js";
import type { Source } from "./ntfsclone.js";
import type { RandomAccess } from "./sources/source.js";
import { Turns } from "./turns.js";

/** What is read, and the pages of it that the module keeps: shared by all tasks of an image. */
export class Medium {
  readonly engine = new Engine();
  readonly source: RandomAccess;
  readonly pages: Source;
  readonly turns = new Turns();

  constructor(source: RandomAccess) {
    this.source = source;
    this.pages = this.engine.call((module) => new module.Source(source.name, BigInt(source.size)));
  }

  /** Gives back the pages. The source is for whoever opened it to close. */
  free(): void {
    this.engine.free(this.pages);
  }
}
