import { h } from "./dom.js";
import { chosenFile, chosenOf, type Chosen } from "./files.js";
import { strings } from "./strings.js";

const words = strings.empty;

/** Lets the visitor choose files or a folder. */
export class Opener {
  readonly element: HTMLElement;
  readonly #file = h("input", { type: "file", id: "file", multiple: true, class: "visually-hidden", tabindex: -1, "aria-label": words.choose });
  readonly #folder = h("input", { type: "file", id: "folder", webkitdirectory: true, class: "visually-hidden", tabindex: -1, "aria-label": words.folder });
  readonly #choose: (chosen: Chosen) => void;

  constructor(choose: (chosen: Chosen) => void) {
    this.#choose = choose;
    for (const input of [this.#file, this.#folder]) {
      input.addEventListener("change", () => {
        const files = [...(input.files ?? [])];
        // The same again is a change, too.
        input.value = "";
        choose(chosenOf(files));
      });
    }
    this.element = h("div", { hidden: true }, this.#file, this.#folder);
  }

  async pickFile(): Promise<void> {
    const { showOpenFilePicker } = window as unknown as WithPicker;
    if (!showOpenFilePicker) {
      this.#file.click();
      return;
    }
    let handles: FileSystemFileHandle[];
    try {
      handles = await showOpenFilePicker({ multiple: true });
    } catch {
      // Nothing was chosen.
      return;
    }
    const [only] = handles.length === 1 ? handles : [];
    this.#choose(only ? await chosenFile(only) : chosenOf(await Promise.all(handles.map((handle) => handle.getFile()))));
  }

  pickFolder(): void {
    this.#folder.click();
  }
}

interface WithPicker {
  showOpenFilePicker?(options: { multiple: true }): Promise<FileSystemFileHandle[]>;
}
