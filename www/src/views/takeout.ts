import type { Context } from "../context.js";
import { h } from "../dom.js";
import type { Entry, Zipped } from "../messages.js";
import { plainName } from "../names.js";
import { textOf } from "../paths.js";
import { canSave, cancelledNotice, doneNotice, save, type Job, type Saved } from "../saving.js";
import { safeName } from "../safe-names.js";
import { strings } from "../strings.js";
import { problemBox, renamedList, unreadableList } from "./problem.js";

const words = strings.takeout;

/** Saves files and folders of the volume, several at a time, each with its progress. */
export class Takeout {
  readonly element = h("div", { class: "takeout" });
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** The content of a file, or of its stream of that name. */
  async file(entry: Entry, stream: { name: string; size: number } | null): Promise<void> {
    const { session } = this.#context;
    const text = stream ? `${textOf(entry)}.${stream.name}` : textOf(entry);
    await this.#run({
      label: words.file(plainName(text)),
      name: safeName(text),
      way: canSave() ? "save" : "download",
      size: (stream ?? entry).size,
      about: null,
      ask: (output, options) => session.ask("content", { record: entry.record, stream: stream?.name ?? null, output }, options),
    });
  }

  /** All that is in a folder. */
  async zip(folder: Entry, hasSystem: boolean, leavesOut = false): Promise<void> {
    const { session, name: image } = this.#context;
    const text = folder.name === "." || folder.name === null ? image : folder.name;
    const show = this.#place();
    const saved = await save<Zipped>(
      this.#context,
      {
        label: words.zip(plainName(text)),
        name: safeName(text, ".zip"),
        way: canSave() ? "save" : "download",
        size: null,
        about: null,
        ask: (output, options) => session.ask("zip", { record: folder.record, leavesOut, hasSystem, output }, options),
      },
      show,
    );
    if (saved?.kind === "failed" && saved.problem.code === "unreadable") {
      const again = h("button", { type: "button", class: "small", click: () => (show(), void this.zip(folder, hasSystem, true)) }, words.leaveOut);
      show(problemBox(saved.problem, { onDismiss: () => show(), remedy: again }));
    } else if (saved?.kind === "done") {
      const { files, links, unreadable, renamed } = saved.written;
      const more = h(
        "div",
        {},
        h("p", { class: "muted" }, [words.packed(files), links > 0 ? words.links(links) : null].filter((part) => part !== null).join(". ")),
        unreadable.length > 0 && h("p", {}, words.leftOut(unreadable.length)),
        unreadable.length > 0 && unreadableList(unreadable),
        renamed.length > 0 && h("p", {}, words.renamed(renamed.length, renamed.list)),
        renamed.length > 0 && renamedList(renamed),
      );
      show(doneNotice(saved.name, saved.written, saved.seconds, more));
    } else {
      this.#end(saved, show);
    }
  }

  async #run(job: Job<{ size: number; holes: number }>): Promise<void> {
    const show = this.#place();
    const saved = await save(this.#context, job, show);
    if (saved?.kind === "done") {
      show(doneNotice(saved.name, saved.written, saved.seconds));
    } else {
      this.#end(saved, show);
    }
  }

  #end(saved: Saved<unknown> | undefined, show: (content?: HTMLElement) => void): void {
    switch (saved?.kind) {
      case "failed":
        show(problemBox(saved.problem, { onDismiss: () => show() }));
        break;
      case "cancelled":
        show(cancelledNotice());
        break;
      default:
        show();
    }
  }

  /** A place for the progress and the result of one job. Removes the results of older jobs. */
  #place(): (content?: HTMLElement) => void {
    for (const old of this.element.querySelectorAll(":scope > .notice")) {
      old.remove();
    }
    let shown: HTMLElement | undefined;
    return (content) => {
      if (shown?.isConnected && content) {
        shown.replaceWith(content);
      } else if (content) {
        this.element.append(content);
      } else {
        shown?.remove();
      }
      shown = content;
    };
  }
}
