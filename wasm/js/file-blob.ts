/** The content of a file, of which a `FileBlob` takes a part. */
export interface BlobSource {
  readonly name: string;
  readonly lastModified: number;
  /** The bytes from `start` on, before `end`. */
  stream(start: number, end: number): ReadableStream<Uint8Array<ArrayBuffer>>;
  bytes(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * The content of a file with the methods of a `Blob`, or `File`. It is read when it is asked for, and only the part that
 * is. No platform takes it for a `Blob` of its own: where one is needed, `await new Response(blob.stream()).blob()` reads
 * all of it into memory, or into a file of the browser's.
 */
export class FileBlob {
  /** In bytes. */
  readonly size: number;
  /** The media type that it was given. */
  readonly type: string;
  /** The name of the file. Untrusted. */
  readonly name: string;
  /** When the content was changed last, in milliseconds since 1970; 0 if that is unknown. */
  readonly lastModified: number;
  readonly #source: BlobSource;
  readonly #start: number;

  /** @internal */
  constructor(source: BlobSource, start: number, size: number, type: string) {
    this.#source = source;
    this.#start = start;
    this.size = size;
    this.type = type;
    this.name = source.name;
    this.lastModified = source.lastModified;
  }

  /** A part of it. Negative positions count from the end, as those of `Blob.slice`. Nothing is read. */
  slice(start = 0, end = this.size, type = ""): FileBlob {
    const [first, last] = [this.#position(start), this.#position(end)];
    return new FileBlob(this.#source, this.#start + first, Math.max(0, last - first), type);
  }

  /** Reads it, as fast as the stream is read and no faster. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#source.stream(this.#start, this.#start + this.size);
  }

  /** Reads all of it. */
  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#source.bytes(this.#start, this.#start + this.size);
  }

  /** Reads all of it. */
  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await this.bytes()).buffer;
  }

  /** Reads all of it as UTF-8. */
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  #position(position: number): number {
    const whole = Math.trunc(position) || 0;
    return whole < 0 ? Math.max(0, this.size + whole) : Math.min(whole, this.size);
  }
}
