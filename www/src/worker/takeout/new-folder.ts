import { isAbort, messageOf } from "../../failure.js";
import type { Directory, Written } from "../../messages.js";
import { UnreadableError, WriteError } from "../problem.js";
import type { Item } from "./items.js";

/** A folder that is made for what is taken out: nothing that was there is touched. */
export class NewFolder {
  readonly name: string;
  readonly #root: FileSystemDirectoryHandle;

  /** Makes it in a directory, with a number behind its name if there is such a name. */
  static async in({ handle, name }: Directory): Promise<NewFolder> {
    const taken = new Set<string>();
    await writing(async () => {
      for await (const existing of (handle as unknown as WithKeys).keys()) {
        taken.add(existing.toLowerCase());
      }
    });
    let free = name;
    for (let number = 2; taken.has(free.toLowerCase()); number += 1) {
      free = `${name} (${number})`;
    }
    return new NewFolder(free, await writing(() => handle.getDirectoryHandle(free, { create: true })));
  }

  private constructor(name: string, root: FileSystemDirectoryHandle) {
    this.name = name;
    this.#root = root;
  }

  /** Writes all of it. A file has its name when it is complete, not before. */
  async write(items: AsyncIterable<Item>): Promise<Written> {
    let size = 0;
    for await (const { path, content, size: length } of items) {
      const steps = path.split("/");
      const folder = await this.#folder(content === null ? steps : steps.slice(0, -1));
      if (content !== null) {
        const file = await writing(() => folder.getFileHandle(steps.at(-1)!, { create: true }));
        const writable = await writing(() => file.createWritable());
        await copied(content, writable);
        size += length;
      }
    }
    return { size, holes: 0 };
  }

  async #folder(steps: string[]): Promise<FileSystemDirectoryHandle> {
    let folder = this.#root;
    for (const step of steps) {
      const outer = folder;
      folder = await writing(() => outer.getDirectoryHandle(step, { create: true }));
    }
    return folder;
  }
}

/** Writes all of a file. If the content fails, the file is aborted. */
async function copied(content: NonNullable<Item["content"]>, file: FileSystemWritableFileStream): Promise<void> {
  try {
    await content.pipeTo(file);
  } catch (error) {
    throw error instanceof UnreadableError || isAbort(error) ? error : new WriteError(messageOf(error), { cause: error });
  }
}

async function writing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new WriteError(messageOf(cause), { cause });
  }
}

interface WithKeys {
  keys(): AsyncIterable<string>;
}
