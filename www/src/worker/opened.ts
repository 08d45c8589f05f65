import { open, type Image, type Info, type Report, type SurveyedFile, type TaskOptions } from "ntfsclone";
import type { Answer, Bytes, Conversion, Extents, Opening, Place, Written } from "../messages.js";
import { Pieces } from "./pieces.js";
import { volumeBytes, type Stored } from "./volume-bytes.js";
import { write, type Asked } from "./writing.js";

/** What is open. */
export class Opened {
  readonly #image: Image;
  readonly #source: Pieces;
  #extents: Promise<Extents> | undefined;

  static async open({ files, name, partition }: Opening, options: TaskOptions): Promise<Opened> {
    const source = new Pieces(name, files);
    const image = await open(source, { ...options, name, partition: partition?.number });
    return new Opened(image, source);
  }

  private constructor(image: Image, source: Pieces) {
    this.#image = image;
    this.#source = source;
  }

  get info(): Info {
    return this.#image.info();
  }

  async extents(options: TaskOptions): Promise<Answer<Extents>> {
    const { lcns, lengths, offsets } = await this.#readExtents(options);
    // The worker keeps its own.
    const answer = { lcns: lcns.slice(), lengths: lengths.slice(), offsets: offsets.slice() };
    return { answer, transfer: [answer.lcns.buffer, answer.lengths.buffer, answer.offsets.buffer] };
  }

  async survey(options: TaskOptions): Promise<SurveyedFile[]> {
    const files: SurveyedFile[] = [];
    for await (const piece of this.#image.survey(options)) {
      if ("files" in piece) {
        files.push(...piece.files);
      }
    }
    return files;
  }

  validate(options: TaskOptions): Promise<Report> {
    return this.#image.validate(options);
  }

  convert({ target, level, output }: Conversion, options: Asked): Promise<Written> {
    const compress = level ?? false;
    return write(output, options, (options) => this.#image.convert(target, { ...options, compress, holes: true }));
  }

  async bytes({ of, offset, length }: Place, options: TaskOptions): Promise<Answer<Bytes>> {
    const answer =
      of === "file"
        ? { bytes: this.#source.read(offset, length), absent: [] }
        : await volumeBytes(this.#image, await this.#stored(options), offset, length, options);
    return { answer, transfer: [answer.bytes.buffer] };
  }

  close(): Promise<void> {
    return this.#image.close();
  }

  async #stored(options: TaskOptions): Promise<Stored | undefined> {
    const { image } = this.info;
    return image ? { clusterSize: image.cluster_size, extents: await this.#readExtents(options) } : undefined;
  }

  /** Once: later callers wait for the first. If that was stopped, the next begins anew. */
  #readExtents(options: TaskOptions): Promise<Extents> {
    if (this.#extents) {
      return this.#extents;
    }
    const reading = this.#image.extents(options).then((extents) => ({
      lcns: Float64Array.from(extents, ({ lcn }) => lcn),
      lengths: Float64Array.from(extents, ({ length }) => length),
      offsets: Float64Array.from(extents, ({ offset }) => offset),
    }));
    reading.catch(() => (this.#extents = undefined));
    this.#extents = reading;
    return reading;
  }
}
