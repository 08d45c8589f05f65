import { count } from "../numbers.js";

/** Some bytes of a structure, what they are called, and what they say. */
export interface Field {
  /** Bytes from the start of the structure. */
  offset: number;
  length: number;
  name: string;
  value?: string;
  /** The cluster or MFT record that it names. */
  target?: { lcn: number } | { record: number };
  /** In the order of bytes. */
  parts?: Field[];
}

const LEAST_FILETIME = 116_444_736_000_000_000n;
const FILETIMES_IN_A_MILLISECOND = 10_000n;

/** Makes the fields of some bytes. What lies outside of them is not there: a number is 0 then, and no field is made. */
export class Fields {
  readonly parts: Field[] = [];
  readonly #bytes: DataView;
  readonly #start: number;
  readonly #end: number;

  /** Of the bytes of a structure, those from `start` to before `end`. */
  constructor(bytes: DataView, start: number, end: number) {
    this.#bytes = bytes;
    this.#start = Math.max(0, start);
    this.#end = Math.min(end, bytes.byteLength);
  }

  /** How many bytes there are. */
  get length(): number {
    return Math.max(0, this.#end - this.#start);
  }

  /** The fields of a part of it. Offsets are from the start of this one. */
  within(from: number, to = this.length): Fields {
    return new Fields(this.#bytes, this.#start + from, Math.min(this.#start + to, this.#end));
  }

  has(at: number, length: number): boolean {
    return at >= 0 && length >= 0 && at + length <= this.length;
  }

  /** A number of 1, 2, 4 or 8 bytes, the lowest first, without a field. Larger ones than can be told are the largest that can. */
  peek(at: number, length: 1 | 2 | 4 | 8): number {
    if (!this.has(at, length)) {
      return 0;
    }
    const place = this.#start + at;
    switch (length) {
      case 1:
        return this.#bytes.getUint8(place);
      case 2:
        return this.#bytes.getUint16(place, true);
      case 4:
        return this.#bytes.getUint32(place, true);
      case 8:
        return Number(this.#bytes.getBigUint64(place, true));
    }
  }

  /** Text of two bytes a character. */
  peekText(at: number, characters: number): string {
    let text = "";
    for (let index = 0; index < characters && this.has(at + 2 * index, 2); index += 1) {
      text += String.fromCharCode(this.peek(at + 2 * index, 2));
    }
    return text;
  }

  /** Any field. */
  add(at: number, length: number, name: string, rest: Omit<Field, "offset" | "length" | "name"> = {}): void {
    const there = Math.min(length, this.length - at);
    if (at >= 0 && there > 0) {
      this.parts.push({ offset: this.#start + at, length: there, name, ...rest });
    }
  }

  number(at: number, length: 1 | 2 | 4 | 8, name: string, say: (number: number) => string = count): number {
    const number = this.peek(at, length);
    if (this.has(at, length)) {
      this.add(at, length, name, { value: say(number) });
    }
    return number;
  }

  text(at: number, characters: number, name: string): string {
    const text = this.peekText(at, characters);
    this.add(at, 2 * characters, name, { value: text });
    return text;
  }

  /** Letters of one byte each. */
  letters(at: number, length: number, name: string): string {
    let text = "";
    for (let index = 0; index < length && this.has(at + index, 1); index += 1) {
      text += String.fromCharCode(this.peek(at + index, 1));
    }
    this.add(at, length, name, { value: text.trimEnd() });
    return text;
  }

  /** When, in 100 ns since 1601. */
  time(at: number, name: string): void {
    if (this.has(at, 8)) {
      const ticks = this.#bytes.getBigUint64(this.#start + at, true);
      const since1970 = ticks - LEAST_FILETIME;
      // Rounded down, before 1970, too.
      const rest = ((since1970 % FILETIMES_IN_A_MILLISECOND) + FILETIMES_IN_A_MILLISECOND) % FILETIMES_IN_A_MILLISECOND;
      const date = new Date(Number((since1970 - rest) / FILETIMES_IN_A_MILLISECOND));
      const isTime = !Number.isNaN(date.getTime());
      this.add(at, 8, name, { value: isTime ? date.toISOString().replace("Z", `${String(rest).padStart(4, "0")}Z`) : String(ticks) });
    }
  }

  /** An MFT record, and how often it was used when this was written. */
  reference(at: number, name: string): number {
    const record = this.peek(at, 4) + this.peek(at + 4, 2) * 2 ** 32;
    if (this.has(at, 8)) {
      this.add(at, 8, name, { value: `record ${count(record)}, sequence ${count(this.peek(at + 6, 2))}`, target: { record } });
    }
    return record;
  }

  /** Whatever no field is of. */
  rest(name: string): void {
    this.parts.sort((a, b) => a.offset - b.offset);
    const last = this.parts.at(-1);
    const at = last ? last.offset + last.length - this.#start : 0;
    this.add(at, this.length - at, name);
  }
}

/** Numbers whose bits have names. */
export function flags(names: Record<number, string>): (number: number) => string {
  return (number) => {
    const set = Object.entries(names).filter(([bit]) => (number & Number(bit)) !== 0);
    return `0x${number.toString(16)}${set.length > 0 ? ` (${set.map(([, name]) => name).join(", ")})` : ""}`;
  };
}

export function hexadecimal(number: number): string {
  return `0x${number.toString(16)}`;
}

/** The fields that a byte is in, from the outermost. */
export function fieldsAt(field: Field, offset: number): Field[] {
  if (offset < field.offset || offset >= field.offset + field.length) {
    return [];
  }
  const inner = field.parts?.map((part) => fieldsAt(part, offset)).find((found) => found.length > 0) ?? [];
  return [field, ...inner];
}
