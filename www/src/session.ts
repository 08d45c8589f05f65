import type { Progress } from "ntfsclone";
import workerAddress from "./worker.ts?worker&url";
import { Failure } from "./failure.js";
import type { Call, Calls, FromWorker, ToWorker } from "./messages.js";
import { startWorker } from "./trusted-scripts.js";

interface Waiting {
  resolve(answer: never): void;
  reject(error: unknown): void;
  onProgress: ((progress: Progress) => void) | undefined;
}

export interface AskOptions {
  /** Cancels the call, which then fails with the signal's reason immediately. */
  signal?: AbortSignal | undefined;
  /** When cancelled, the call fails only after the worker has cleaned up. */
  waitsForEnd?: boolean;
  onProgress?: ((progress: Progress) => void) | undefined;
  transfer?: Transferable[];
}

/** A worker, which holds one thing that is open. */
export class Session {
  /** Starts the worker early, so that it is ready when a file is opened. */
  #worker: Worker | undefined = this.#start();
  readonly #waiting = new Map<number, Waiting>();
  /** Calls that clean up when they are cancelled. */
  readonly #ending = new Set<Promise<unknown>>();
  #lastId = 0;

  async ask<K extends Call>(
    call: K,
    question: Calls[K]["question"],
    { signal, waitsForEnd = false, onProgress, transfer = [] }: AskOptions = {},
  ): Promise<Calls[K]["answer"]> {
    signal?.throwIfAborted();
    const id = (this.#lastId += 1);
    const abort = () => {
      this.#send({ id, call: "abort" });
      if (!waitsForEnd) {
        this.#take(id)?.reject(signal?.reason);
      }
    };
    const answer = new Promise<Calls[K]["answer"]>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onProgress });
      signal?.addEventListener("abort", abort);
      this.#send({ id, call, question } as ToWorker, transfer);
    });
    if (waitsForEnd) {
      this.#ending.add(answer);
    }
    try {
      return await answer;
    } finally {
      this.#ending.delete(answer);
      this.#waiting.delete(id);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Stops what is under way, lets it clean up, and ends the worker. */
  async close(): Promise<void> {
    await Promise.allSettled([this.ask("close", null), ...this.#ending]);
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  #start(): Worker {
    const worker = startWorker(workerAddress);
    worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => this.#receive(data));
    worker.addEventListener("error", (event) => this.#fail(worker, event.message));
    return worker;
  }

  #send(message: ToWorker, transfer: Transferable[] = []): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(message, transfer);
  }

  #receive(message: FromWorker): void {
    if ("progress" in message) {
      this.#waiting.get(message.id)?.onProgress?.(message.progress);
    } else if ("problem" in message) {
      this.#take(message.id)?.reject(new Failure(message.problem));
    } else {
      this.#take(message.id)?.resolve(message.answer as never);
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  /** A worker that died fails all pending calls. */
  #fail(worker: Worker, message: string): void {
    worker.terminate();
    this.#worker = undefined;
    for (const id of [...this.#waiting.keys()]) {
      this.#take(id)?.reject(new Failure({ code: "crashed", message: message || "the worker could not be started" }));
    }
  }
}
