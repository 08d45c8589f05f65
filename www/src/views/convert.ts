import { formats, type Target } from "ntfsclone";
import { ConversionSizes, hasAllBytes } from "../conversion-sizes.js";
import type { Context, View } from "../context.js";
import { fill, h } from "../dom.js";
import { cancelledNotice, doneNotice, save, type Way } from "../saving.js";
import { safeName } from "../safe-names.js";
import { strings } from "../strings.js";
import { ConvertForm, type Choice } from "./convert-form.js";
import { resizedList } from "./new-size.js";
import { problemBox } from "./problem.js";

const words = strings.convert;

/** Endings that visitors know, or that the format shares with another one; of all others, the usual one of the format. */
const ENDINGS: Partial<Record<Target, string>> = { raw: "ntfs", ntfsclone: "img", metadata: "metadata.img", "vhd-fixed": "vhd" };

/** What names may end in: formats, pieces and compressions. */
const EXTENSIONS = [
  ...Object.values(formats).flatMap(({ extensions }) => extensions),
  ...["img", "ntfs", "ntfs-img", "dd", "bin", "aa", "bz2", "gz", "lz", "lz4", "lzma", "lzo", "xz", "zst"],
];
const STORED_AS = new RegExp(`(\\.(${EXTENSIONS.join("|")}))+$`, "i");

/** Converts what is open to another format. */
export function convert(context: Context): View {
  const message = h("div", { class: "message" });
  const sizes = new ConversionSizes(context, (found) => form.showSize(found));
  const form = new ConvertForm(context, sizes, (choice, way) => void run(choice, way));
  const element = h("div", { class: "view convert" }, message, form.element);

  const run = async (choice: Choice, way: Way) => {
    fill(message);
    sizes.stop();
    const { target, isWhole, disk, level } = choice;
    const [title, , next] = isWhole && target === "raw" ? words.wholeRaw : words.targets[target];
    const isCompressed = level !== null;
    const saved = await save(
      context,
      {
        label: words.working(title),
        name: nameFor(context.name, choice),
        way,
        size: isCompressed ? null : sizes.exact(choice),
        about: isCompressed || !hasAllBytes(target) ? null : sizes.bytes(choice),
        ask: (output, options) => context.session.ask("convert", { ...choice, output }, options),
      },
      (meter) => fill(element, meter),
    );
    switch (saved?.kind) {
      case "done": {
        const made = disk === null ? words.made(title) : words.madeDisk(title, words.tables[disk][0]);
        const more = h("p", {}, [made, isCompressed ? words.decompress : next].filter((part) => part !== null).join(" "));
        const { resized } = saved.written;
        fill(message, doneNotice(saved.name, saved.written, saved.seconds, h("div", {}, more, resized && resizedList(resized))));
        break;
      }
      case "failed":
        fill(message, problemBox(saved.problem, { onDismiss: () => fill(message) }));
        break;
      case "cancelled":
        fill(message, cancelledNotice());
        break;
    }
    fill(element, message, form.element);
    form.findSizes();
  };
  return { element, show: () => form.findSizes() };
}

/** Never the name of what is open: a visitor might replace it. */
function nameFor(source: string, { target, isWhole, level }: Choice): string {
  const known = isWhole && target === "raw" ? undefined : ENDINGS[target];
  const ending = `.${known ?? formats[target].extensions[0]}${level === null ? "" : ".zst"}`;
  const stem = stemOf(source);
  const file = safeName(stem, ending);
  return file === source ? safeName(words.copyOf(stem), ending) : file;
}

/** A file name without the endings of formats. */
function stemOf(file: string): string {
  const base = file.split("/").at(-1) ?? file;
  return base.replace(STORED_AS, "") || strings.name;
}
