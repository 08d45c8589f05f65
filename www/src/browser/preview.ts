import type { Context } from "../context.js";
import { fill, h } from "../dom.js";
import { isAbort, problemOf } from "../failure.js";
import type { Entry } from "../messages.js";
import { name, visibleText } from "../names.js";
import { capitalised, size } from "../numbers.js";
import { strings } from "../strings.js";

const words = strings.preview;
/** Read at first: enough to see what it is. */
const BYTES_AT_FIRST = 64 << 10;
/** Larger ones are not shown. */
const MOST_BYTES_OF_PICTURE = 32 << 20;
const MOST_BYTES_OF_PDF = 128 << 20;
const CHARACTERS_OF_TEXT = 16 << 10;
const BYTES_OF_DUMP = 256;
const BYTES_IN_ROW = 8;

/** What a file is, by its first bytes. Formats in which scripts can be are not among the pictures. */
const SIGNATURES: readonly (readonly [offset: number, bytes: string, type: string])[] = [
  [0, "\x89PNG\r\n\x1a\n", "image/png"],
  [0, "\xff\xd8\xff", "image/jpeg"],
  [0, "GIF87a", "image/gif"],
  [0, "GIF89a", "image/gif"],
  [8, "WEBP", "image/webp"],
  [4, "ftypavif", "image/avif"],
  [0, "BM", "image/bmp"],
  [0, "%PDF-", "application/pdf"],
];

/** A look at the content of a file: text, a picture, a PDF, or its first bytes. */
export class Preview {
  readonly element = h("div", { class: "preview" });
  readonly #context: Context;
  #stop = new AbortController();
  #address: string | undefined;

  constructor(context: Context) {
    this.#context = context;
    context.closed.addEventListener("abort", () => this.clear());
  }

  clear(): void {
    this.#stop.abort();
    if (this.#address !== undefined) {
      URL.revokeObjectURL(this.#address);
      this.#address = undefined;
    }
    fill(this.element);
  }

  async show(entry: Entry): Promise<void> {
    this.clear();
    const { signal } = (this.#stop = new AbortController());
    if (entry.isFolder || entry.isLink) {
      return;
    }
    try {
      await this.#look(entry, signal);
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) {
        fill(this.element, h("p", { class: "muted" }, name(capitalised(problemOf(error).message))));
      }
    }
  }

  async #look(entry: Entry, signal: AbortSignal): Promise<void> {
    const bytes = await this.#read(entry, BYTES_AT_FIRST, signal);
    const type = typeOf(bytes);
    if (bytes.length === 0) {
      fill(this.element, h("p", { class: "muted" }, words.empty));
    } else if (type?.startsWith("image/") && entry.size <= MOST_BYTES_OF_PICTURE) {
      await this.#showPicture(entry, type, bytes, signal);
    } else if (type === "application/pdf" && entry.size <= MOST_BYTES_OF_PDF) {
      // A PDF is shown by a program of the browser's, which may be asked to do more than that: only on demand.
      fill(this.element, h("button", { type: "button", class: "small", click: () => void this.#showPdf(entry, signal) }, words.showPdf));
    } else {
      const text = textIn(bytes);
      fill(this.element, text === null ? dump(bytes) : h("pre", { class: "preview-text", tabindex: 0, "aria-label": words.text }, visibleText(text)));
    }
  }

  async #showPicture(entry: Entry, type: string, first: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void> {
    const bytes = entry.size <= first.length ? first : await this.#read(entry, entry.size, signal);
    const image = h("img", { alt: words.picture, src: this.#addressOf(bytes, type) });
    image.addEventListener("error", () => fill(this.element, h("p", { class: "muted" }, words.noPicture), dump(bytes)));
    fill(this.element, image);
  }

  async #showPdf(entry: Entry, signal: AbortSignal): Promise<void> {
    try {
      const bytes = await this.#read(entry, entry.size, signal);
      fill(this.element, h("iframe", { title: words.pdf, src: this.#addressOf(bytes, "application/pdf") }));
    } catch (error) {
      if (!isAbort(error)) {
        fill(this.element, h("p", { class: "muted" }, name(capitalised(problemOf(error).message))));
      }
    }
  }

  #read({ record }: Entry, most: number, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const { session, closed } = this.#context;
    return session.ask("preview", { record, most }, { signal: AbortSignal.any([signal, closed]) });
  }

  /** The type is ours, whatever the file says: nothing is shown as a page. */
  #addressOf(bytes: Uint8Array<ArrayBuffer>, type: string): string {
    this.#address = URL.createObjectURL(new Blob([bytes], { type }));
    return this.#address;
  }
}

function typeOf(bytes: Uint8Array): string | undefined {
  const hasAt = (offset: number, signature: string) => [...signature].every((letter, index) => bytes[offset + index] === letter.charCodeAt(0));
  return SIGNATURES.find(([offset, signature]) => hasAt(offset, signature))?.[2];
}

/** Control characters that no text has. */
const NO_TEXT = /[\0-\x08\x0e-\x1a\x1c-\x1f]/;

/** The start of a text in UTF-8, or in UTF-16 with a mark; null if it is none. */
function textIn(bytes: Uint8Array): string | null {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "utf-8";
  try {
    // The last character may be cut.
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: true });
    return NO_TEXT.test(text) ? null : text.slice(0, CHARACTERS_OF_TEXT);
  } catch {
    return null;
  }
}

function dump(bytes: Uint8Array): HTMLElement {
  const rows: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, BYTES_OF_DUMP); at += BYTES_IN_ROW) {
    const row = [...bytes.subarray(at, Math.min(at + BYTES_IN_ROW, BYTES_OF_DUMP))];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    rows.push(`${at.toString(16).padStart(4, "0")}  ${hex.padEnd(3 * BYTES_IN_ROW)} ${text}`);
  }
  return h("div", {}, h("p", { class: "muted" }, words.bytes(size(Math.min(bytes.length, BYTES_OF_DUMP)))), h("pre", { class: "preview-text", tabindex: 0, "aria-label": words.dump }, rows.join("\n")));
}
