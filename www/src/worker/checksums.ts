import type { Finding, Report, TaskOptions } from "ntfsclone";
import type { IHasher } from "hash-wasm";
import type { Algorithm, Sidecar } from "../sidecars.js";
import { strings } from "../strings.js";
import type { Pieces } from "./pieces.js";
import { throttled } from "./throttled.js";

const words = strings.sidecars;
/** Read at once. */
const BYTES_AT_ONCE = 4 << 20;

/** Of bytes that come in order. The library is loaded when it is needed. */
export async function newHash(algorithm: Algorithm): Promise<IHasher> {
  const { createBLAKE3, createSHA256 } = await import("hash-wasm");
  return algorithm === "b3" ? createBLAKE3() : createSHA256();
}

/** A checksum, made of some consecutive bytes as far as they were read. */
interface Check {
  sidecar: Sidecar;
  /** The next byte that is to be hashed, and the end. */
  next: number;
  end: number;
  hash: IHasher;
}

/** Hashes what is open while something else reads it; what that reads not in order is read again. */
export class Checksums {
  readonly #source: Pieces;
  readonly #checks: Check[];

  static async of(source: Pieces, sidecars: Sidecar[]): Promise<Checksums> {
    const checks = sidecars.map(async (sidecar) => {
      const { start, end } = source.range(sidecar.piece);
      return { sidecar, next: start, end, hash: await newHash(sidecar.algorithm) };
    });
    return new Checksums(source, await Promise.all(checks));
  }

  private constructor(source: Pieces, checks: Check[]) {
    this.#source = source;
    this.#checks = checks;
  }

  /** Looks at all that is read of the source until `finish`. */
  start(): void {
    this.#source.onRead = (offset, bytes) => this.#take(offset, bytes);
  }

  stop(): void {
    this.#source.onRead = undefined;
  }

  /** Reads what is left, and adds to a report what differs. */
  async addTo(report: Report, { signal, onProgress }: TaskOptions): Promise<Report> {
    await this.#readRest(signal, throttled(onProgress));
    const findings = this.#checks.flatMap(({ sidecar, hash }) => difference(sidecar, hash.digest("hex")));
    const algorithms = this.#checks.map(({ sidecar }) => sidecar.algorithm as string);
    return {
      ...report,
      sound: report.sound && findings.length === 0,
      checksums: [...new Set([...report.checksums, ...algorithms])],
      errors: report.errors + findings.length,
      findings: [...findings, ...report.findings],
    };
  }

  async #readRest(signal: AbortSignal | undefined, report: (progress: { done: number; total: number }) => void): Promise<void> {
    const total = this.#checks.reduce((sum, { next, end }) => sum + end - next, 0);
    for (;;) {
      const waiting = this.#checks.filter(({ next, end }) => next < end);
      const [first] = waiting;
      if (!first) {
        return;
      }
      const offset = waiting.reduce((least, { next }) => Math.min(least, next), first.next);
      const end = waiting.reduce((most, check) => Math.max(most, check.end), first.end);
      this.#take(offset, this.#source.read(offset, Math.min(BYTES_AT_ONCE, end - offset)));
      report({ done: total - this.#checks.reduce((sum, { next, end }) => sum + end - next, 0), total });
      // So that it can be cancelled.
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
    }
  }

  #take(offset: number, bytes: Uint8Array): void {
    for (const check of this.#checks) {
      const { next, end } = check;
      const until = Math.min(offset + bytes.length, end);
      if (offset <= next && next < until) {
        check.hash.update(bytes.subarray(next - offset, until - offset));
        check.next = until;
      }
    }
  }
}

/** As the program reports it. */
function difference({ name, digest }: Sidecar, found: string): Finding[] {
  if (found === digest) {
    return [];
  }
  return [
    {
      code: "checksum",
      severity: "error",
      effect: "lost",
      record: null,
      also_at: null,
      message: words.differs(found, name, digest),
      meaning: words.meaning,
      systems: null,
      advice: words.advice,
      files: [],
    },
  ];
}
