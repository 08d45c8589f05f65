import { watchCodecs } from "./codecs.js";
import type { Driver, Output } from "./driver.js";
import type { NtfscloneError } from "./error.js";
import type { Hole } from "./options.js";

const BYTES_OF_ZEROS = 1 << 20;

export interface Form {
  /** Whether zeros come as holes; otherwise as bytes. */
  holes: boolean;
  /** Whether the memory of a piece is used again: then it cannot be handed over, as streams of bytes do. */
  reuse?: boolean | undefined;
  /** Loads what the task needs. */
  loadCodecs?: (() => Promise<void>) | undefined;
  /** What is thrown instead of an error. */
  asThrown?: (error: unknown) => unknown;
}

/**
 * What a task gives, step by step as it is asked for. It is a stream of bytes, which can be read into memory of the
 * reader's (BYOB), where the platform has such streams and there are no holes. It fails as soon as the task is stopped.
 */
export function outputStream(
  driver: Driver,
  { holes, reuse = false, loadCodecs, asThrown = (error) => error }: Form,
): ReadableStream<Uint8Array<ArrayBuffer> | Hole> {
  let zeros = 0;
  let crash: () => NtfscloneError | undefined = () => undefined;
  const next = () =>
    driver.next().catch((error: unknown) => {
      throw asThrown(crash() ?? error);
    });
  const source = {
    async start(controller: Controller) {
      driver.whenStopped((reason) => controller.error(asThrown(crash() ?? reason)));
      try {
        await loadCodecs?.();
      } catch (error) {
        driver.stop(error);
        throw error;
      }
      crash = loadCodecs ? watchCodecs() : crash;
    },
    async pull(controller: Controller) {
      const output: Output | undefined = zeros > 0 ? { kind: "hole", length: zeros } : await next();
      switch (output?.kind) {
        case undefined:
          driver.free();
          controller.close();
          // A read into the reader's memory is still waited for.
          controller.byobRequest?.respond(0);
          break;
        case "bytes":
          controller.enqueue(output.bytes);
          break;
        case "hole":
          if (holes) {
            controller.enqueue({ hole: output.length });
          } else {
            const length = Math.min(output.length, BYTES_OF_ZEROS);
            zeros = output.length - length;
            controller.enqueue(new Uint8Array(length));
          }
          break;
      }
    },
    cancel: (reason: unknown) => driver.stop(reason),
  };
  const type = holes || reuse || typeof ReadableByteStreamController === "undefined" ? undefined : "bytes";
  return new ReadableStream({ type, ...source } as UnderlyingDefaultSource<Uint8Array<ArrayBuffer> | Hole>, { highWaterMark: 0 });
}

/** The parts that controllers of both kinds of streams have. */
interface Controller {
  readonly byobRequest?: { respond(length: number): void } | null;
  enqueue(piece: Uint8Array<ArrayBuffer> | Hole): void;
  close(): void;
  error(reason: unknown): void;
}
