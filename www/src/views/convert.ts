import type { Info, Target } from "ntfsclone";
import type { Context, View } from "../context.js";
import { fill, h, icon, type Child } from "../dom.js";
import { size } from "../numbers.js";
import { canSave, cancelledNotice, doneNotice, save, type Way } from "../saving.js";
import { safeName } from "../safe-names.js";
import { strings } from "../strings.js";
import { Anonymise } from "./anonymise.js";
import { problemBox } from "./problem.js";

const words = strings.convert;
const TARGETS = ["raw", "ntfsclone", "metadata"] as const satisfies readonly Target[];
type Format = (typeof TARGETS)[number];
const EXTENSIONS: Record<Format, string> = { raw: ".ntfs", ntfsclone: ".img", metadata: ".metadata.img" };
const DEFAULT_LEVEL = 3;

interface Choice {
  target: Format;
  level: number | null;
}

/** Converts what is open to another format. */
export function convert(context: Context): View {
  const message = h("div", { class: "message" });
  const choices = form(context, (choice, way) => void run(choice, way));
  const element = h("div", { class: "view convert" }, message, choices);

  const run = async (choice: Choice, way: Way) => {
    fill(message);
    const { target, level } = choice;
    const { image, volume } = context.info;
    const isRaw = target === "raw" && level === null;
    const [title] = words.targets[target];
    const saved = await save(
      context,
      {
        label: words.working(title),
        name: safeName(stem(context.name), `${EXTENSIONS[target]}${level === null ? "" : ".zst"}`),
        way,
        size: isRaw && image ? image.device_size : null,
        about: isRaw ? (image?.device_size ?? volume?.size ?? null) : null,
        ask: (output, options) => context.session.ask("convert", { ...choice, output }, options),
      },
      (meter) => fill(element, meter),
    );
    switch (saved?.kind) {
      case "done":
        fill(message, doneNotice(saved.name, saved.written, saved.seconds));
        break;
      case "failed":
        fill(message, problemBox(saved.problem, () => fill(message)));
        break;
      case "cancelled":
        fill(message, cancelledNotice());
        break;
    }
    fill(element, message, choices);
  };
  return { element };
}

/** A file name without extensions of image formats. */
function stem(file: string): string {
  const base = file.split("/").at(-1) ?? file;
  return base.replace(/(\.(img|raw|ntfs|dd|bin|zst|ntfs-img))+$/i, "") || strings.name;
}

function form(context: Context, start: (choice: Choice, way: Way) => void): HTMLElement {
  const { info } = context;
  const radios = TARGETS.map((target) =>
    h("input", { type: "radio", name: "target", id: `target-${target}`, value: target, checked: target === "raw", "aria-describedby": `about-${target}` }),
  );
  const compress = h("input", { type: "checkbox", id: "compress" });
  const level = h(
    "select",
    { id: "level" },
    ...words.levels.map(([value, text]) => h("option", { value, selected: value === DEFAULT_LEVEL }, text)),
  );
  const levelField = h("label", { class: "field inline", for: "level", hidden: true }, words.level, level);
  const sizes = TARGETS.map((target) => h("span", { class: "target-size" }, ...sizeOf(info, target)));
  const anonymise = new Anonymise(context, (bytes) => fill(sizes[TARGETS.indexOf("metadata")]!, size(bytes)));
  const choice = (): Choice => ({
    target: TARGETS.find((_, index) => radios[index]?.checked) ?? "raw",
    level: compress.checked ? Number(level.value) : null,
  });
  const update = () => {
    levelField.hidden = !compress.checked;
    anonymise.show(choice().target === "metadata");
  };
  const isSaved = canSave();
  const form = h(
    "form",
    {
      class: "card convert-form",
      change: update,
      submit: (event: SubmitEvent) => {
        event.preventDefault();
        start(choice(), isSaved ? "save" : "download");
      },
    },
    h("h1", {}, words.title),
    h("p", { class: "lead" }, words.lead),
    h(
      "fieldset",
      { class: "targets" },
      h("legend", { class: "visually-hidden" }, words.target),
      ...TARGETS.map((target, index) => {
        const [title, about] = words.targets[target];
        return h(
          "label",
          { class: "target", for: `target-${target}` },
          radios[index],
          h("span", { class: "target-title" }, title),
          sizes[index],
          h("span", { class: "target-about", id: `about-${target}` }, about),
        );
      }),
    ),
    anonymise.element,
    h(
      "div",
      { class: "compress" },
      h("label", { class: "field inline", for: "compress" }, compress, words.compress),
      levelField,
      h("p", { class: "muted" }, words.compressLead),
    ),
    h(
      "div",
      { class: "convert-start" },
      h("button", { type: "submit", class: "primary" }, icon("download"), isSaved ? words.save : words.download),
      isSaved && h("button", { type: "button", class: "quiet", click: () => start(choice(), "download") }, words.download),
      h("p", { class: "muted" }, isSaved ? words.savesTo : words.downloads),
    ),
  );
  return form;
}

function sizeOf({ volume, image }: Info, target: Format): Child[] {
  const used = image ? image.clusters_in_use * image.cluster_size : volume?.usage ? volume.usage.used * volume.cluster_size : null;
  const whole = image?.device_size ?? volume?.size ?? null;
  switch (target) {
    case "raw":
      return whole === null ? [] : [size(whole), used !== null && h("span", { class: "muted" }, words.onDisk(size(used)))];
    case "ntfsclone":
      return used === null ? [] : [words.about(size(used))];
    case "metadata":
      return [words.smaller];
  }
}
