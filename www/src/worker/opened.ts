import { NtfscloneError, open, openDisk, type ConvertOptions, type ErrorCode, type Hole, type Image, type Saved, type SaveOptions, type Info, type LookOptions, type Remains, type Report, type Resized, type ResizeLimits, type TaskOptions, type WholeDisk } from "ntfsclone";
import type { Extents } from "../extents.js";
import { pathOf } from "../file-path.js";
import type { Counted, Squares } from "../kinds.js";
import type { Answer, Bytes, Content, Conversion, Converted, Details, Form, Found, Inspected, ListFormat, Listing, Looked, Opening, Place, Preview, Taken, Takeout, Validation, Written } from "../messages.js";
import { detailsOf } from "../structures/file-details.js";
import { structureAt } from "../structures/locate.js";
import { Checksums, newHash } from "./checksums.js";
import { digestOf, firstBytes } from "./content.js";
import { listExport } from "./list-export.js";
import { Pieces } from "./pieces.js";
import { countUsed, Survey } from "./survey/survey.js";
import { takeOut } from "./takeout/take-out.js";
import { volumeBytes, type Stored } from "./volume-bytes.js";
import { write, type Asked } from "./writing.js";

/** Errors of damaged data, of which some parts may be readable. */
const DAMAGE: readonly ErrorCode[] = ["corrupt", "limit", "compressed-data", "inconsistent"];

/** Begins a conversion with these options. */
interface Converter {
  stream(options: ConvertOptions): ReadableStream<Uint8Array<ArrayBuffer> | Hole>;
  save(file: FileSystemFileHandle, options: SaveOptions): Promise<Saved>;
}

/** What is open. */
export class Opened {
  readonly #image: Image;
  readonly #source: Pieces;
  /** What the library opens: all pieces as one, or the files of a disk. It reads them by itself. */
  readonly #given: File | File[];
  readonly #partition: number | null | undefined;
  /** Opened when it is to be converted as a whole. */
  #disk: Promise<WholeDisk> | undefined;
  #extents: Promise<Extents> | undefined;
  #survey: Survey | undefined;
  /** The first error of a damaged image; null if none was found. */
  #damage: string | null = null;

  static async open({ files, areOneDisk, name, partition }: Opening, options: TaskOptions): Promise<Opened> {
    const source = new Pieces(name, files);
    // What is made of files is not read before it is needed.
    const given = areOneDisk ? files.map((file) => new File([file], pathOf(file))) : new File(files, name);
    const number = partition === null ? null : partition?.number;
    const image = await open(given, { ...options, partition: number });
    return new Opened(image, source, given, number);
  }

  private constructor(image: Image, source: Pieces, given: File | File[], partition: number | null | undefined) {
    this.#image = image;
    this.#source = source;
    this.#given = given;
    this.#partition = partition;
  }

  get info(): Info {
    return this.#image.info();
  }

  async squares(squares: Squares, options: TaskOptions): Promise<Answer<Counted & Looked>> {
    const extents = await this.#readExtents(options);
    const { image, volume } = this.info;
    const clusters = volume?.clusters ?? image?.clusters ?? 0;
    const answer = this.#survey?.count(squares) ?? countUsed(squares, clusters, extents);
    return { answer: { ...answer, damage: this.#damage }, transfer: [answer.counts.buffer] };
  }

  async survey(options: TaskOptions): Promise<Found> {
    const extents = await this.#readExtents({ ...options, onProgress: undefined });
    this.#survey = await Survey.of(this.#image, extents, this.#look(options));
    return { ...this.#survey.found(), damage: this.#damage };
  }

  /** What the survey found. */
  get surveyed(): Survey {
    if (!this.#survey) {
      throw new Error("the files were not looked at yet");
    }
    return this.#survey;
  }

  /** The structure that a byte of the volume is in, and the owners of its cluster. */
  async inspect(offset: number, options: TaskOptions): Promise<Inspected> {
    const { volume } = this.info;
    if (!volume) {
      return { structure: null, holders: null };
    }
    const lcn = Math.floor(offset / volume.cluster_size);
    const read = this.#reader(options);
    const owner = this.#survey?.owner(lcn);
    // Unowned clusters have no structure, whatever they look like: they may be left from an older volume.
    const structure = this.#survey && !owner && offset < volume.size ? null : await structureAt(offset, volume, owner, read);
    return { structure, holders: this.#survey?.holders({ lcn, length: 1 }) ?? null };
  }

  /** What the record of a file says of it. */
  async details(record: number, options: TaskOptions): Promise<Details | null> {
    const { volume } = this.info;
    return volume ? detailsOf(record, volume, this.#reader(options)) : null;
  }

  /** Reads bytes of the volume. */
  #reader(options: TaskOptions): (offset: number, length: number) => Promise<DataView<ArrayBuffer>> {
    return async (offset, length) => {
      const { buffer, byteOffset, byteLength } = await this.#image.read(offset, length, this.#look(options));
      return new DataView(buffer, byteOffset, byteLength);
    };
  }

  async preview({ record, most }: Preview, options: TaskOptions): Promise<Answer<Uint8Array<ArrayBuffer>>> {
    const answer = await firstBytes(this.#image.content(record, this.#look(options)), most);
    return { answer, transfer: [answer.buffer] };
  }

  async hash(record: number, options: Asked): Promise<string> {
    const total = this.surveyed.files.file(record)?.entry.size ?? 0;
    return digestOf(this.#image.content(record, this.#look(options)), await newHash("sha256"), total, options);
  }

  exportList({ format, ...listing }: Listing & { format: ListFormat }): Blob {
    const { files, listings } = this.surveyed;
    return listExport(files, listings.indexes(listing), format);
  }

  /** The report of the library, and whether all bytes have these checksums. */
  async validate({ sidecars }: Validation, options: TaskOptions): Promise<Report> {
    if (sidecars.length === 0) {
      return this.#image.validate(options);
    }
    const checksums = await Checksums.of(this.#source, sidecars);
    checksums.start();
    try {
      const report = await this.#validateAloud(options);
      return await checksums.addTo(report, options);
    } finally {
      checksums.stop();
    }
  }

  /** Validates it so that the checksums see what is read, which then need not be read again: the library reads files by itself. */
  async #validateAloud(options: TaskOptions): Promise<Report> {
    if (this.info.layers.length > 0 || Array.isArray(this.#given)) {
      return this.#image.validate(options);
    }
    const image = await open(this.#source, { signal: options.signal, partition: this.#partition });
    try {
      return await image.validate(options);
    } finally {
      await image.close();
    }
  }

  /** Begins the conversion, and stops it when it reports its size. */
  async size(form: Form, options: Asked): Promise<number | null> {
    const isKnown = new AbortController();
    let size: number | null = null;
    const onSize = (bytes: number) => {
      size = bytes;
      isKnown.abort();
    };
    const signal = AbortSignal.any([options.signal, isKnown.signal]);
    const converter = await this.#converter(form, { signal });
    const reader = converter.stream({ signal, onSize }).getReader();
    try {
      await reader.read();
      await reader.cancel();
    } catch (error) {
      if (size === null) {
        throw error;
      }
    }
    return size;
  }

  async convert({ output, level, ...form }: Conversion, options: Asked): Promise<Converted> {
    let resized: Resized | null = null;
    const onResized = (changed: Resized) => {
      resized = changed;
    };
    const converter = await this.#converter(form, options);
    const more = { compress: level ?? false, onResized };
    const written =
      output.kind === "file"
        ? await converter.save(output.handle, { ...options, ...more })
        : await write(output, options, (options) => converter.stream({ ...options, ...more }));
    return { ...written, resized };
  }

  /** Begins a conversion: of the whole disk, or of what is open. */
  async #converter({ target, isWhole, disk, newSize }: Form, options: TaskOptions): Promise<Converter> {
    if (isWhole) {
      const whole = await this.#wholeDisk(options);
      // Its volumes keep their sizes.
      return {
        stream: ({ onResized: _, ...more }) => whole.convert(target, { ...more, force: true, holes: true }),
        save: (file, { onResized: _, ...more }) => whole.save(target, file, { ...more, force: true }),
      };
    }
    // Dirty or not: the overview shows that a volume is dirty.
    const form = { disk: disk ?? undefined, size: newSize ?? undefined, force: true };
    return {
      stream: (more) => this.#image.convert(target, { ...more, ...form, holes: true }),
      save: (file, more) => this.#image.save(target, file, { ...more, ...form }),
    };
  }

  #wholeDisk(options: TaskOptions): Promise<WholeDisk> {
    if (!this.#disk) {
      const opening = openDisk(this.#given, options);
      opening.catch(() => (this.#disk = undefined));
      this.#disk = opening;
    }
    return this.#disk;
  }

  resizeLimits(options: TaskOptions): Promise<ResizeLimits> {
    return this.#image.resizeLimits(options);
  }

  remains(options: TaskOptions): Promise<Remains> {
    return this.#image.remains(options);
  }

  content({ record, stream, output }: Content, options: Asked): Promise<Written> {
    return write(output, options, (options) => this.#image.content(record, { ...this.#look(options), stream: stream ?? undefined }));
  }

  takeOut(takeout: Takeout, options: Asked): Promise<Taken> {
    const content = (record: number, signal: AbortSignal) => this.#image.content(record, this.#look({ signal }));
    return takeOut(content, this.surveyed.files, takeout, options);
  }

  async bytes({ of, offset, length }: Place, options: TaskOptions): Promise<Answer<Bytes>> {
    const answer =
      of === "file"
        ? { bytes: this.#source.read(offset, length), absent: [] }
        : await volumeBytes(this.#image, await this.#stored(options), offset, length, this.#look(options));
    return { answer, transfer: [answer.bytes.buffer] };
  }

  async close(): Promise<void> {
    await this.#image.close();
    const disk = await this.#disk?.catch(() => undefined);
    await disk?.close();
  }

  /** Options for reading: damaged images are read as far as possible. */
  #look(options: TaskOptions): LookOptions {
    return this.#damage === null ? options : { ...options, damaged: true };
  }

  async #stored(options: TaskOptions): Promise<Stored | undefined> {
    const { image } = this.info;
    return image ? { clusterSize: image.cluster_size, extents: await this.#readExtents(options) } : undefined;
  }

  /** Read once: later callers wait for the first call. If that was cancelled, the next one starts again. */
  #readExtents(options: TaskOptions): Promise<Extents> {
    if (this.#extents) {
      return this.#extents;
    }
    const reading = this.#image
      .extents(this.#look(options))
      .catch((error: unknown) => {
        if (this.#damage !== null || !(error instanceof NtfscloneError) || !DAMAGE.includes(error.code)) {
          throw error;
        }
        this.#damage = error.message;
        return this.#image.extents(this.#look(options));
      })
      .then((extents) => ({
        lcns: Float64Array.from(extents, ({ lcn }) => lcn),
        lengths: Float64Array.from(extents, ({ length }) => length),
      }));
    reading.catch(() => (this.#extents = undefined));
    this.#extents = reading;
    return reading;
  }
}
