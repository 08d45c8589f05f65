import type { Context } from "../context.js";
import { h } from "../dom.js";
import type { Archive, Entry, Takeout as Question, Taken } from "../messages.js";
import { plainName } from "../names.js";
import { textOf } from "../paths.js";
import { canSave, cancelledNotice, doneNotice, save, saveFolder, type Saved } from "../saving.js";
import { safeName } from "../safe-names.js";
import { strings } from "../strings.js";
import { problemBox, renamedList, unreadableList } from "./problem.js";

const words = strings.takeout;
type Format = Archive["format"] | "folder";
type What = Omit<Question, "to" | "leavesOut">;

/** Saves files and folders of the volume, several at a time, each with its progress. */
export class Takeout {
  readonly element = h("div", { class: "takeout" });
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** The content of a file, or of its stream of that name. */
  async file(entry: Pick<Entry, "record" | "name" | "size">, stream: { name: string; size: number } | null): Promise<void> {
    const { session } = this.#context;
    const text = stream ? `${textOf(entry)}.${stream.name}` : textOf(entry);
    const show = this.#place();
    const saved = await save(
      this.#context,
      {
        label: words.file(plainName(text)),
        name: safeName(text),
        way: canSave() ? "save" : "download",
        size: (stream ?? entry).size,
        about: null,
        ask: (output, options) => session.ask("content", { record: entry.record, stream: stream?.name ?? null, output }, options),
      },
      show,
    );
    if (saved?.kind === "done") {
      show(doneNotice(saved.name, saved.written, saved.seconds));
    } else {
      this.#end(saved, show);
    }
  }

  /** All that is in a folder. */
  async folder(folder: Pick<Entry, "record" | "name">, format: Format, hasSystem: boolean): Promise<void> {
    await this.#take({ what: { folder: folder.record }, hasSystem }, this.#nameOf(folder), format);
  }

  /** Files and folders that are chosen in a folder. */
  async entries(ids: Uint32Array<ArrayBuffer>, folder: Pick<Entry, "record" | "name">, format: Format, hasSystem: boolean): Promise<void> {
    await this.#take({ what: { ids }, hasSystem }, words.partOf(this.#nameOf(folder)), format);
  }

  #nameOf({ name }: Pick<Entry, "name">): string {
    return name === "." || name === null ? this.#context.name : name;
  }

  /** Into a folder, files are saved one by one: those that cannot be read are listed, and the others are there. */
  async #take(what: What, text: string, format: Format, leavesOut = format === "folder"): Promise<void> {
    const show = this.#place();
    const saved = await this.#save({ ...what, leavesOut }, text, format, show);
    if (saved?.kind === "failed" && saved.problem.code === "unreadable") {
      const again = h("button", { type: "button", class: "small", click: () => (show(), void this.#take(what, text, format, true)) }, words.leaveOut);
      show(problemBox(saved.problem, { onDismiss: () => show(), remedy: again }));
    } else if (saved?.kind === "done") {
      const { written } = saved;
      const name = written.folder === null ? saved.name : `${saved.name}/${written.folder}`;
      show(doneNotice(name, written, saved.seconds, outcome(written)));
    } else {
      this.#end(saved, show);
    }
  }

  #save(what: Omit<Question, "to">, text: string, format: Format, show: (content?: HTMLElement) => void): Promise<Saved<Taken> | undefined> {
    const { session } = this.#context;
    const label = words.packing(plainName(text));
    if (format === "folder") {
      return saveFolder<Taken>(this.#context, label, (handle, options) => session.ask("takeOut", { ...what, to: { format, handle, name: safeName(text) } }, options), show);
    }
    return save<Taken>(
      this.#context,
      {
        label,
        name: safeName(text, `.${format}`),
        way: canSave() ? "save" : "download",
        size: null,
        about: null,
        ask: (output, options) => session.ask("takeOut", { ...what, to: { format, output } }, options),
      },
      show,
    );
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

/** What was taken out, and what was not. */
function outcome({ files, links, unreadable, renamed }: Taken): HTMLElement {
  return h(
    "div",
    {},
    h("p", { class: "muted" }, [words.packed(files), links > 0 ? words.links(links) : null].filter((part) => part !== null).join(". ")),
    unreadable.length > 0 && h("p", {}, words.leftOut(unreadable.length)),
    unreadable.length > 0 && unreadableList(unreadable),
    renamed.length > 0 && h("p", {}, words.renamed(renamed.length, renamed.list)),
    renamed.length > 0 && renamedList(renamed),
  );
}
