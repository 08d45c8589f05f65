import type { Info, Target } from "ntfsclone";
import type { Context, View } from "../context.js";
import { fill, h, icon, type Child } from "../dom.js";
import { beginDownload } from "../download.js";
import { isAbort, problemOf } from "../failure.js";
import type { Output, Written } from "../messages.js";
import { name, plainName } from "../names.js";
import { count, duration, size } from "../numbers.js";
import { Meter } from "../progress.js";
import { strings } from "../strings.js";
import { problemBox } from "./problem.js";

const words = strings.convert;
const TARGETS = ["raw", "ntfsclone", "metadata"] as const satisfies readonly Target[];
const EXTENSIONS: Record<Target, string> = { raw: ".ntfs", ntfsclone: ".img", metadata: ".metadata.img" };
const DEFAULT_LEVEL = 3;

interface Choice {
  target: Target;
  level: number | null;
}

/** Makes something else of it. */
export function convert(context: Context): View {
  const message = h("div", { class: "message" });
  const choices = form(context, (choice, way) => void run(choice, way));
  const element = h("div", { class: "view convert" }, message, choices);

  const run = async (choice: Choice, way: "save" | "download") => {
    fill(message);
    const controller = new AbortController();
    const signal = AbortSignal.any([controller.signal, context.closed]);
    let destination: Destination | undefined;
    addEventListener("beforeunload", askBeforeLeaving);
    try {
      destination = await destinationOf(context, choice, way);
      const [title] = words.targets[choice.target];
      const meter = new Meter(words.working(title), words.cancel, context.announce, () => controller.abort());
      fill(element, meter.element);
      meter.element.querySelector("button")?.focus();
      const { output } = destination;
      const written = await context.session.ask("convert", { ...choice, output }, {
        signal,
        waitsForEnd: true,
        transfer: output.kind === "download" ? [output.port] : [],
        onProgress: (progress) => meter.update(progress),
      });
      fill(message, done(destination.name, written, meter.elapsed));
      context.announce(words.done(plainName(destination.name)));
    } catch (error) {
      await destination?.discard();
      if (!isCancelled(error)) {
        fill(message, problemBox(problemOf(error), () => fill(message)));
      } else if (destination) {
        fill(message, h("p", { class: "notice" }, icon("info"), words.cancelled));
        context.announce(words.cancelled);
      }
    } finally {
      removeEventListener("beforeunload", askBeforeLeaving);
      destination?.end();
      fill(element, message, choices);
    }
  };
  return { element };
}

/** The result would be lost. */
function askBeforeLeaving(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

/** By the visitor: here, in the file picker, or in the browser's list of downloads. */
function isCancelled(error: unknown): boolean {
  return isAbort(error) || problemOf(error).code === "aborted";
}

function done(file: string, written: Written, seconds: number): HTMLElement {
  const wrote = words.wrote(size(written.size), duration(seconds));
  const sparse = written.holes > 0 ? words.wroteSparse(size(written.holes), size(written.size - written.holes)) : "";
  return h(
    "div",
    { class: "notice good" },
    icon("check"),
    h("div", {}, h("strong", {}, name(words.done(file))), h("p", { class: "muted" }, `${wrote}${sparse}.`)),
  );
}

interface Destination {
  name: string;
  output: Output;
  /** What was made for it and is of no use. */
  discard(): Promise<void>;
  end(): void;
}

async function destinationOf(context: Context, { target, level }: Choice, way: "save" | "download"): Promise<Destination> {
  const suggested = `${stem(context.name)}${EXTENSIONS[target]}${level === null ? "" : ".zst"}`;
  if (way === "download") {
    const { image, volume } = context.info;
    const isRaw = target === "raw" && level === null;
    // The browser is told only what is certain.
    const { port, end } = await beginDownload(suggested, isRaw && image ? image.device_size : null);
    const about = isRaw ? (image?.device_size ?? volume?.size ?? null) : null;
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
}

interface Removable extends FileSystemFileHandle {
  remove?(): Promise<void>;
}

/** A name without what tells the format, and without what is no name of a file somewhere. */
function stem(file: string): string {
  const base = file.split("/").at(-1) ?? file;
  const bare = base.replace(/(\.(img|raw|ntfs|dd|bin|zst|ntfs-img))+$/i, "").replace(/[\p{Cc}\p{Cf}\p{Cs}\\/:*?"<>|]/gu, "_");
  return bare || strings.name;
}

function form(context: Context, start: (choice: Choice, way: "save" | "download") => void): HTMLElement {
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
  const anonymise = anonymised(info);
  const choice = (): Choice => ({
    target: TARGETS.find((_, index) => radios[index]?.checked) ?? "raw",
    level: compress.checked ? Number(level.value) : null,
  });
  const update = () => {
    levelField.hidden = !compress.checked;
    anonymise.hidden = choice().target !== "metadata";
  };
  const canSave = "showSaveFilePicker" in window;
  const form = h(
    "form",
    {
      class: "card convert-form",
      change: update,
      submit: (event: SubmitEvent) => {
        event.preventDefault();
        start(choice(), canSave ? "save" : "download");
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
          h("span", { class: "target-size" }, ...sizeOf(info, target)),
          h("span", { class: "target-about", id: `about-${target}` }, about),
        );
      }),
    ),
    anonymise,
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
      h("button", { type: "submit", class: "primary" }, icon("download"), canSave ? words.save : words.download),
      canSave && h("button", { type: "button", class: "quiet", click: () => start(choice(), "download") }, words.download),
      h("p", { class: "muted" }, canSave ? words.savesTo : words.downloads),
    ),
  );
  return form;
}

function sizeOf({ volume, image }: Info, target: Target): Child[] {
  const used = image ? image.clusters_in_use * image.cluster_size : volume?.usage ? volume.usage.used * volume.cluster_size : null;
  const whole = image?.device_size ?? volume?.size ?? null;
  switch (target) {
    case "raw":
      return whole === null ? [] : [words.size(size(whole)), used !== null && h("span", { class: "muted" }, words.onDisk(size(used)))];
    case "ntfsclone":
      return used === null ? [] : [words.about(size(used))];
    case "metadata":
      return [words.smaller];
  }
}

/** What of this volume a metadata image tells, and what not. */
function anonymised({ volume }: Info): HTMLElement {
  const list = (title: string, items: Child[]) =>
    h("div", {}, h("h2", {}, title), h("ul", {}, ...items.map((item) => h("li", {}, item))));
  const own: Child[] = volume
    ? [
        volume.files === null ? words.names : words.namesOf(count(volume.files)),
        volume.label ? h("span", {}, words.label, name(volume.label)) : null,
        words.serial(volume.serial),
      ].filter((item) => item !== null)
    : [words.names];
  return h(
    "div",
    { class: "notice anonymise", hidden: true },
    icon("lock"),
    h(
      "div",
      { class: "notice-text" },
      h("strong", {}, words.anonymise),
      h("div", { class: "columns" }, list(words.stays, [...own, ...words.staysList]), list(words.goes, [...words.goesList])),
    ),
  );
}
