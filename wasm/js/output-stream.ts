import { watchCodecs } from "./codecs.js";
import type { Driver, Output } from "./driver.js";
import type { NtfscloneError } from "./error.js";
import type { Hole } from "./options.js";

const BYTES_OF_ZEROS = 1 << 20;

/**
 * What a task gives, step by step as it is asked for. Unless there may be holes, their zeros are told as bytes. What the
 * task needs is loaded before.
 */
export function outputStream(
  driver: Driver,
  holes: boolean,
  loadCodecs?: () => Promise<void>,
): ReadableStream<Uint8Array<ArrayBuffer> | Hole> {
  let zeros = 0;
  let crash: () => NtfscloneError | undefined = () => undefined;
  const next = () =>
    driver.next().catch((error: unknown) => {
      throw crash() ?? error;
    });
  return new ReadableStream<Uint8Array<ArrayBuffer> | Hole>(
    {
      async start() {
        try {
          await loadCodecs?.();
        } catch (error) {
          driver.stop(error);
          throw error;
        }
        crash = loadCodecs ? watchCodecs() : crash;
      },
      async pull(controller) {
        const output: Output | undefined = zeros > 0 ? { kind: "hole", length: zeros } : await next();
        switch (output?.kind) {
          case undefined:
            driver.free();
            controller.close();
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
      cancel: (reason) => driver.stop(reason),
    },
    { highWaterMark: 0 },
  );
}
