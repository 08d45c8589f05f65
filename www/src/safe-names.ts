/**
 * Names for files that this page makes, from names that somebody else chose. A safe name is the name of one file on Windows,
 * macOS and Linux, and shows as it is: it has no separator, no control character, nothing that turns the direction of text.
 */

/** The longest name that Linux takes. Windows and macOS take 255 UTF-16 units, of which each is a byte of UTF-8 or more. */
const MOST_BYTES = 255;
/** For a number in brackets, of up to eight digits. */
const BYTES_OF_NUMBER = 11;
/** What is longer, after the last dot, is no extension. */
const MOST_CHARACTERS_OF_EXTENSION = 16;

/**
 * Separators and what else Windows refuses; control characters; separators of lines; format characters (those that turn the
 * direction of text are among them), but for the two joiners, which Persian, the languages of India and emoji need; and lone
 * halves of surrogate pairs.
 */
const UNSAFE = /[\\/:*?"<>|\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\u200c\u200d])\p{Cf}/gu;
/** Windows opens a device for these, whatever extension they have ("Naming Files, Paths, and Namespaces"). */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)/i;
/** Windows drops these; and "." and ".." are no files anywhere. */
const TRAILING = /[. ]+$/;

const encoder = new TextEncoder();

/** The name with what is not safe in it replaced by "_"; `ending` is put behind it. The same name if it is safe. */
export function safeName(name: string, ending = ""): string {
  const replaced = withoutTrailing(name.replace(UNSAFE, "_")) || "_";
  const [stem, extension] = split(DEVICE.test(replaced) ? `_${replaced}` : replaced);
  return shortened(stem, extension + ending);
}

/**
 * Safe names for all that is in one folder, each there once: also where case or the form of accents makes no difference, as on
 * Windows and macOS. Those that are safe as they are come first, so that none has to change for another that is not.
 */
export function safeNames(names: readonly string[]): string[] {
  const safe = names.map((name) => safeName(name));
  const given = new Given();
  const isKept = safe.map((name, index) => name === names[index] && given.add(name));
  return safe.map((name, index) => (isKept[index] ? name : given.addNumbered(name)));
}

/** The names that are given in a folder. */
class Given {
  readonly #keys = new Set<string>();
  /** By the key of a name, the number to try next: a folder may have millions of one name. */
  readonly #numbers = new Map<string, number>();

  /** False if there is such a name. */
  add(name: string): boolean {
    const key = keyOf(name);
    const isNew = !this.#keys.has(key);
    this.#keys.add(key);
    return isNew;
  }

  /** Adds that name, with a number if there is such a name. */
  addNumbered(name: string): string {
    if (this.add(name)) {
      return name;
    }
    const [stem, extension] = split(name);
    // As short for every number: long names of one start count together.
    const start = cut(stem, MOST_BYTES - BYTES_OF_NUMBER - bytesOf(extension));
    const key = keyOf(start + extension);
    for (let number = this.#numbers.get(key) ?? 2; ; number += 1) {
      const numbered = `${start} (${number})${extension}`;
      if (this.add(numbered)) {
        this.#numbers.set(key, number + 1);
        return numbered;
      }
    }
  }
}

/** The same for names that some system takes for the same. */
function keyOf(name: string): string {
  return name
    .replace(/[\u200c\u200d]/g, "")
    .normalize("NFC")
    .toLowerCase()
    .toUpperCase();
}

function split(name: string): [stem: string, extension: string] {
  const dot = name.lastIndexOf(".");
  return dot > 0 && name.length - dot <= MOST_CHARACTERS_OF_EXTENSION ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
}

function shortened(stem: string, ending: string): string {
  return withoutTrailing(cut(stem, MOST_BYTES - bytesOf(ending)) + ending);
}

/** The start of a text, of no more bytes than that, between characters. */
function cut(text: string, most: number): string {
  return text.slice(0, encoder.encodeInto(text, new Uint8Array(most)).read);
}

function withoutTrailing(name: string): string {
  return name.replace(TRAILING, (end) => "_".repeat(end.length));
}

export function bytesOf(text: string): number {
  return encoder.encode(text).length;
}
