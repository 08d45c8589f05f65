import type { Taken, Takeout } from "../../messages.js";
import { batches } from "../batch-stream.js";
import type { FileTable } from "../survey/file-table.js";
import { write, type Asked } from "../writing.js";
import { Items, type ContentOf } from "./items.js";
import { NewFolder } from "./new-folder.js";

/** Writes files and folders, with all that is in them, as an archive or into a new folder. */
export async function takeOut(contentOf: ContentOf, files: FileTable, { what, to, leavesOut, ...asked }: Takeout, options: Asked): Promise<Taken> {
  const end = new AbortController();
  const signal = AbortSignal.any([options.signal, end.signal]);
  const folder = "folder" in what ? (files.find(what.folder) ?? files.tree.root) : undefined;
  // Who takes out a folder of the file system wants what is in it.
  const hasSystem = asked.hasSystem || folder === undefined || files.tree.systems[folder] === 1;
  const top = "ids" in what ? files.withoutInner(what.ids) : files.entriesOf(folder ?? files.tree.root, hasSystem);
  const items = new Items(contentOf, files, { top, hasSystem, leavesOut }, { ...options, signal });
  try {
    if (to.format === "folder") {
      const made = await NewFolder.in(to);
      const written = await made.write(items.all());
      return { ...written, ...items.made, folder: made.name, unreadable: items.unreadable, renamed: items.renamed };
    }
    const { format, output } = to;
    const { archiveOf } = await import("./archives.js");
    const written = await write(output, options, () => batches(archiveOf(format, items.all())));
    return { ...written, ...items.made, folder: null, unreadable: items.unreadable, renamed: items.renamed };
  } finally {
    // Should it have failed in the middle of a file.
    end.abort();
  }
}
