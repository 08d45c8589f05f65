import type { Context } from "../context.js";
import { fill, h, type Child } from "../dom.js";
import type { Holders } from "../messages.js";
import { name } from "../names.js";
import { count, hexadecimal } from "../numbers.js";
import { pathText } from "../paths.js";
import { strings } from "../strings.js";
import { fieldsAt } from "../structures/field.js";
import type { Structure } from "../structures/locate.js";
import { pathOf } from "./outline.js";

const words = strings.bytes;
/** Facts that have a row for themselves. */
const WIDE: readonly string[] = [words.holder, words.structure, words.says];

/** A byte, and what is known of it. */
export interface Inspection {
  at: number;
  /** Of the volume, not of the file. */
  isOfVolume: boolean;
  structure: Structure | undefined;
  /** Whose its cluster is. */
  holders: Holders | null;
  /** What else is known to be there. */
  known: string | undefined;
  /** The bytes from there on: null where there is none, undefined where it is not read yet. */
  values: (number | null | undefined)[];
}

type Fact = [string, Child];

/** What is known of a byte, as a list. */
export class Inspector {
  readonly element = h("dl", { class: "inspector" });
  readonly #context: Context;
  readonly #clusterSize: number;

  constructor(context: Context, clusterSize: number) {
    this.#context = context;
    this.#clusterSize = clusterSize;
  }

  show({ at, isOfVolume, structure, holders, known, values }: Inspection): void {
    const facts: Fact[] = [[words.byte, `${count(at)} (${hexadecimal(at)})`]];
    if (isOfVolume) {
      facts.push([words.cluster, words.within(count(Math.floor(at / this.#clusterSize)), count(at % this.#clusterSize))]);
      facts.push(...this.#fileFacts(holders));
    }
    if (structure) {
      facts.push(...fieldFacts(structure, at));
    } else if (known !== undefined) {
      facts.push([words.inside, known]);
    }
    if (values[0] === null) {
      facts.push([words.value(8), words.missing]);
    }
    for (const length of [1, 2, 4, 8]) {
      const some = values.slice(0, length);
      if (some.length === length && some.every((value) => typeof value === "number")) {
        facts.push([words.value(8 * length), littleEndian(some)]);
      }
    }
    fill(this.element, ...facts.map(([term, value]) => h("div", { class: WIDE.includes(term) && "wide" }, h("dt", {}, term), h("dd", {}, value))));
  }

  #fileFacts(holders: Holders | null): Fact[] {
    const { go } = this.#context;
    return (holders?.files ?? []).map(({ path, record }) => [
      words.holder,
      h("button", { type: "button", class: "link", click: () => go({ view: "files", file: record, folder: null }) }, name(pathText(path))),
    ]);
  }
}

function fieldFacts(structure: Structure, at: number): Fact[] {
  const value = fieldsAt(structure.field, at - structure.start).at(-1)?.value;
  const path: Fact = [words.structure, name(pathOf(structure, at))];
  return value === undefined ? [path] : [path, [words.says, name(value)]];
}

/** The number that these bytes are, the lowest first. */
function littleEndian(bytes: number[]): string {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n).toLocaleString();
}
