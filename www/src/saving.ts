import type { Context } from "./context.js";
import { h, icon, type Child } from "./dom.js";
import { beginDownload } from "./download.js";
import { isCancelled, problemOf } from "./failure.js";
import type { Output, Problem, Written } from "./messages.js";
import { name, plainName } from "./names.js";
import { duration, size } from "./numbers.js";
import { Meter } from "./progress.js";
import type { AskOptions } from "./session.js";
import { strings } from "./strings.js";

const words = strings.saving;

/** Into a file that the visitor chooses, or as a download. */
export type Way = "save" | "download";

/** Whether this browser lets the visitor choose a file to write to. */
export function canSave(): boolean {
  return "showSaveFilePicker" in window;
}

/** Whether this browser lets the visitor choose a folder to write to. */
export function canSaveFolder(): boolean {
  return "showDirectoryPicker" in window;
}

/** A result that the worker writes. */
export interface Job<T extends Written> {
  /** The title of the meter. */
  label: string;
  /** The suggested name of the file. */
  name: string;
  way: Way;
  /** The exact bytes of the result, for the browser; null if unknown. */
  size: number | null;
  /** About how many bytes are written: progress is counted in them. Null if progress is that of the work. */
  about: number | null;
  ask(output: Output, options: AskOptions): Promise<T>;
}

/** The outcome. `undefined` if no file was chosen. */
export type Saved<T> = { kind: "done"; name: string; written: T; seconds: number } | { kind: "cancelled" } | { kind: "failed"; problem: Problem };

/** Saves a result, with a meter that can cancel it. If it does not finish, nothing is kept. */
export function save<T extends Written>(context: Context, job: Job<T>, show: (meter: HTMLElement) => void): Promise<Saved<T> | undefined> {
  const ask = ({ output }: Destination, options: AskOptions) => job.ask(output, { ...options, transfer: output.kind === "download" ? [output.port] : [] });
  return run(context, job.label, () => destinationOf(job), ask, show);
}

/** Saves files into a folder that the visitor chooses. Those that are complete when it is cancelled stay. */
export function saveFolder<T extends Written>(
  context: Context,
  label: string,
  ask: (handle: FileSystemDirectoryHandle, options: AskOptions) => Promise<T>,
  show: (meter: HTMLElement) => void,
): Promise<Saved<T> | undefined> {
  const choose = async () => {
    const handle = await (window as unknown as WithPicker).showDirectoryPicker({ mode: "readwrite" });
    return { name: handle.name, handle, discard: () => Promise.resolve(), end() {} };
  };
  return run(context, label, choose, ({ handle }, options) => ask(handle, options), show);
}

async function run<T extends Written, To extends Ending>(
  context: Context,
  label: string,
  choose: () => Promise<To>,
  ask: (destination: To, options: AskOptions) => Promise<T>,
  show: (meter: HTMLElement) => void,
): Promise<Saved<T> | undefined> {
  const controller = new AbortController();
  const signal = AbortSignal.any([controller.signal, context.closed]);
  let destination: To | undefined;
  addEventListener("beforeunload", askBeforeLeaving);
  try {
    const chosen = (destination = await choose());
    const meter = new Meter(label, words.cancel, context.announce, () => controller.abort());
    show(meter.element);
    meter.element.querySelector("button")?.focus();
    const written = await context.jobs.run(label, () => controller.abort(), (onProgress) =>
      ask(chosen, {
        signal,
        waitsForEnd: true,
        onProgress: (progress) => {
          meter.update(progress);
          onProgress(progress);
        },
      }),
    );
    context.announce(words.done(plainName(chosen.name)));
    return { kind: "done", name: chosen.name, written, seconds: meter.elapsed };
  } catch (error) {
    await destination?.discard();
    if (!isCancelled(error)) {
      return { kind: "failed", problem: problemOf(error) };
    }
    if (destination) {
      context.announce(words.cancelled);
      return { kind: "cancelled" };
    }
    return undefined;
  } finally {
    removeEventListener("beforeunload", askBeforeLeaving);
    destination?.end();
  }
}

/** The result would be lost. */
function askBeforeLeaving(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

/** The notice that a file is complete. */
export function doneNotice(file: string, written: Written, seconds: number, more: Child = null): HTMLElement {
  const { size: all, holes } = written;
  const wrote = holes > 0 ? words.wroteSparse(size(all), size(all - holes), duration(seconds)) : words.wrote(size(all), duration(seconds));
  return h(
    "div",
    { class: "notice good" },
    icon("check"),
    h("div", { class: "notice-text" }, h("strong", {}, name(words.done(file))), h("p", { class: "muted" }, `${wrote}.`), more),
  );
}

export function cancelledNotice(): HTMLElement {
  return h("p", { class: "notice" }, icon("info"), words.cancelled);
}

/** Where a result goes. */
interface Ending {
  name: string;
  /** Removes what was created for the result. */
  discard(): Promise<void>;
  end(): void;
}

interface Destination extends Ending {
  output: Output;
}

async function destinationOf({ name: suggested, way, size, about }: Job<Written>): Promise<Destination> {
  if (way === "download") {
    const { port, end } = await beginDownload(suggested, size);
    return { name: suggested, output: { kind: "download", port, about }, discard: () => Promise.resolve(), end };
  }
  const handle = await (window as unknown as WithPicker).showSaveFilePicker({ suggestedName: suggested });
  return {
    name: handle.name,
    output: { kind: "file", handle },
    async discard() {
      // The browser made an empty file of that name; one that had something in it is as it was.
      if ((await handle.getFile()).size === 0) {
        await (handle as Removable).remove?.().catch(() => {});
      }
    },
    end() {},
  };
}

interface WithPicker {
  showSaveFilePicker(options: { suggestedName: string }): Promise<FileSystemFileHandle>;
  showDirectoryPicker(options: { mode: "readwrite" }): Promise<FileSystemDirectoryHandle>;
}

interface Removable extends FileSystemFileHandle {
  remove?(): Promise<void>;
}
