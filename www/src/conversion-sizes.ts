import { formats, type Info, type Target } from "ntfsclone";
import type { Context } from "./context.js";
import { isAbort, problemOf } from "./failure.js";
import type { Form, Problem } from "./messages.js";

/** How large what a conversion makes is, as far as that is known before. */
export type ConversionSize =
  | { kind: "exact"; bytes: number }
  | { kind: "about"; bytes: number }
  /** Compressed. */
  | { kind: "at-most"; bytes: number }
  /** Of metadata: known when it was read. */
  | { kind: "smaller" }
  | { kind: "unknown" }
  | { kind: "impossible"; problem: Problem };

/** The volume cannot become that; other formats may be possible. */
const IMPOSSIBLE: readonly Problem["code"][] = ["limit", "not-stored", "target"];

/** The sizes of all conversions. Exact ones are found one after the other: for each, `$MFT` is read. */
export class ConversionSizes {
  readonly #context: Context;
  readonly #onFound: (form: Form) => void;
  readonly #found = new Map<string, ConversionSize>();
  #stop = new AbortController();

  /** `onFound` is called with each form whose size became known. */
  constructor(context: Context, onFound: (form: Form) => void) {
    this.#context = context;
    this.#onFound = onFound;
  }

  /** The size as far as it is known now. */
  of(form: Form): ConversionSize {
    return this.#found.get(keyOf(form)) ?? estimate(this.#context.info, form);
  }

  /** Null if the exact size is not known. */
  exact(form: Form): number | null {
    const size = this.of(form);
    return size.kind === "exact" ? size.bytes : null;
  }

  /** Exact or about; null if it is not known. */
  bytes(form: Form): number | null {
    const size = this.of(form);
    return "bytes" in size ? size.bytes : null;
  }

  /** Bytes of the clusters in use; null if that is not known. */
  get used(): number | null {
    return usedBytes(this.#context.info);
  }

  setExact(form: Form, bytes: number): void {
    this.#found.set(keyOf(form), { kind: "exact", bytes });
    this.#onFound(form);
  }

  /** Finds the sizes of these that are not known yet. Replaces an earlier search. */
  async find(forms: Form[]): Promise<void> {
    this.stop();
    const { session, closed, info } = this.#context;
    const { signal } = (this.#stop = new AbortController());
    // To convert an image of partclone begins with its checksums, so with all of it.
    if (info.layers.includes("partclone")) {
      return;
    }
    // To ask for that of what is compressed would only take time and memory.
    const unknown = forms.filter((form) => !this.#found.has(keyOf(form)) && this.of(form).kind !== "at-most");
    for (const form of unknown) {
      try {
        const bytes = await session.ask("size", form, { signal: AbortSignal.any([closed, signal]) });
        const size: ConversionSize = bytes === null ? estimate(info, form) : { kind: "exact", bytes };
        this.#found.set(keyOf(form), size);
      } catch (error) {
        const problem = problemOf(error);
        if (isAbort(error) || !IMPOSSIBLE.includes(problem.code)) {
          // Damage concerns all formats, and is reported when one is chosen.
          return;
        }
        this.#found.set(keyOf(form), { kind: "impossible", problem });
      }
      this.#onFound(form);
    }
  }

  stop(): void {
    this.#stop.abort();
  }
}

function keyOf({ target, isWhole, disk, newSize }: Form): string {
  return `${target} ${isWhole} ${disk} ${newSize}`;
}

function estimate(info: Info, { target, isWhole, newSize }: Form): ConversionSize {
  if (isWhole) {
    return { kind: "unknown" };
  }
  const { image, volume } = info;
  if (target === "metadata") {
    return { kind: "smaller" };
  }
  const all = newSize === "min" ? (volume?.least_size ?? null) : (newSize ?? image?.device_size ?? volume?.size ?? null);
  const bytes = hasAllBytes(target) ? all : usedBytes(info);
  if (bytes === null) {
    return { kind: "unknown" };
  }
  return { kind: target === "vmdk" ? "at-most" : "about", bytes };
}

function usedBytes({ volume, image }: Info): number | null {
  if (image) {
    return image.clusters_in_use * image.cluster_size;
  }
  return volume?.usage ? volume.usage.used * volume.cluster_size : null;
}

/** Free clusters are written, or are holes. */
export function hasAllBytes(target: Target): boolean {
  return target === "raw" || target === "vhd-fixed";
}

export function isVirtualDisk(target: Target): boolean {
  return formats[target].disk === "gpt";
}

/** Whether a whole disk can be made into it. */
export function holdsDisk(target: Target): boolean {
  return formats[target].disk !== null;
}
