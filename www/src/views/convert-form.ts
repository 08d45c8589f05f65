import type { Disk, Target } from "ntfsclone";
import { holdsDisk, isVirtualDisk, type ConversionSizes } from "../conversion-sizes.js";
import type { Context } from "../context.js";
import { fill, h, icon, type Child } from "../dom.js";
import type { Form } from "../messages.js";
import { name } from "../names.js";
import { size } from "../numbers.js";
import { canSave, type Way } from "../saving.js";
import { strings } from "../strings.js";
import { Anonymise } from "./anonymise.js";
import { Extent } from "./extent.js";
import { NewSize } from "./new-size.js";

const words = strings.convert;

type Group = keyof typeof words.groups;

/** All formats of the package, in the order in which they are shown: with one missing, this does not compile. */
const GROUPS: Record<Target, Group> = {
  vhdx: "disk",
  qcow2: "disk",
  vdi: "disk",
  vmdk: "disk",
  vhd: "disk",
  "vhd-fixed": "disk",
  ntfsclone: "image",
  partclone: "image",
  raw: "volume",
  metadata: "metadata",
};
const TARGETS = Object.keys(GROUPS) as Target[];
const DEFAULT_LEVEL = 3;

export interface Choice extends Form {
  level: number | null;
}

/** What the visitor chooses: the format, and how it is written. */
export class ConvertForm {
  readonly element: HTMLElement;
  readonly #sizes: ConversionSizes;
  readonly #radios: Record<Target, HTMLInputElement>;
  readonly #sizeOf: Record<Target, HTMLElement>;
  readonly #groups: Record<Group, GroupCard>;
  readonly #extent: Extent;
  readonly #options: DiskOptions;
  readonly #compression = new Compression();
  readonly #newSize: NewSize;
  readonly #anonymise: Anonymise;

  /** `start` begins the conversion. */
  constructor(context: Context, sizes: ConversionSizes, start: (choice: Choice, way: Way) => void) {
    this.#sizes = sizes;
    // A virtual disk of metadata would have no content in its files.
    const first: Target = context.info.image?.is_metadata ? "raw" : "vhdx";
    this.#radios = ofEach((target) =>
      h("input", { type: "radio", name: "target", id: `target-${target}`, value: target, checked: target === first, "aria-describedby": `about-${target}` }),
    );
    this.#sizeOf = ofEach(() => h("span", { class: "target-size" }));
    this.#options = new DiskOptions();
    this.#anonymise = new Anonymise(context, (bytes) => sizes.setExact({ target: "metadata", isWhole: false, disk: null, newSize: null }, bytes));
    this.#newSize = new NewSize(context);
    this.#extent = new Extent(context);
    this.#groups = {
      disk: this.#group("disk"),
      image: this.#group("image"),
      volume: this.#group("volume"),
      metadata: this.#group("metadata"),
    };
    const isSaved = canSave();
    this.element = h(
      "form",
      {
        class: "card convert-form",
        change: () => {
          this.#update();
          this.findSizes();
        },
        submit: (event: SubmitEvent) => {
          event.preventDefault();
          start(this.#choice(), isSaved ? "save" : "download");
        },
      },
      h("h1", {}, words.title),
      h("p", { class: "lead" }, words.lead),
      this.#extent.element,
      h(
        "fieldset",
        { class: "target-groups" },
        h("legend", { class: "visually-hidden" }, words.target),
        ...Object.values(this.#groups).map(({ element }) => element),
      ),
      this.#anonymise.element,
      this.#newSize.element,
      this.#options.element,
      this.#compression.element,
      h(
        "div",
        { class: "convert-start" },
        h("button", { type: "submit", class: "primary" }, icon("download"), isSaved ? words.save : words.download),
        isSaved && h("button", { type: "button", class: "quiet", click: () => this.#isValid() && start(this.#choice(), "download") }, words.download),
        h("p", { class: "muted" }, isSaved ? words.savesTo : words.downloads),
      ),
    );
    this.#update();
  }

  /** Finds the exact sizes, that of the chosen format first. */
  findSizes(): void {
    const { target, isWhole } = this.#choice();
    const others = TARGETS.filter((other) => other !== target);
    // Anonymise finds that of metadata.
    const found = [target, ...others].filter((each) => each !== "metadata" && (!isWhole || holdsDisk(each)));
    const forms = found.map((each) => this.#form(each));
    void this.#sizes.find(forms);
  }

  showSize({ target }: Form): void {
    fill(this.#sizeOf[target], ...this.#sizeText(target));
  }

  #choice(): Choice {
    const target = TARGETS.find((each) => this.#radios[each].checked) ?? "raw";
    return { ...this.#form(target), level: isVirtualDisk(target) ? null : this.#compression.level };
  }

  #form(target: Target): Form {
    const { isWhole } = this.#extent;
    if (isWhole) {
      return { target, isWhole, disk: null, newSize: null };
    }
    const newSize = target === "metadata" ? null : this.#newSize.value;
    return { target, isWhole, disk: isVirtualDisk(target) ? this.#options.disk : null, newSize };
  }

  #isValid(): boolean {
    return (this.element as HTMLFormElement).reportValidity();
  }

  #update(): void {
    const { isWhole } = this.#extent;
    if (isWhole && !holdsDisk(this.#choice().target)) {
      this.#radios.vhdx.checked = true;
    }
    for (const group of Object.values(this.#groups)) {
      group.show(isWhole);
    }
    const { target } = this.#choice();
    this.#options.show(isVirtualDisk(target) && !isWhole);
    this.#compression.show(!isVirtualDisk(target));
    this.#anonymise.show(target === "metadata");
    this.#newSize.show(target !== "metadata" && !isWhole);
    for (const each of TARGETS) {
      this.showSize(this.#form(each));
    }
  }

  #group(group: Group): GroupCard {
    return new GroupCard(group, TARGETS.filter((target) => GROUPS[target] === group).map((target) => this.#card(target)));
  }

  #card(target: Target): HTMLElement {
    const [title, about] = words.targets[target];
    return h(
      "label",
      { class: "target", for: `target-${target}` },
      this.#radios[target],
      h("span", { class: "target-title" }, title),
      this.#sizeOf[target],
      h("span", { class: "target-about", id: `about-${target}` }, about),
    );
  }

  #sizeText(target: Target): Child[] {
    const found = this.#sizes.of(this.#form(target));
    switch (found.kind) {
      case "exact":
        return [size(found.bytes), this.#stored(target)];
      case "about":
        return [words.about(size(found.bytes)), this.#stored(target)];
      case "at-most":
        return [words.atMost(size(found.bytes))];
      case "smaller":
        return [words.smaller];
      case "impossible":
        return [h("span", { class: "target-impossible" }, name(found.problem.message))];
      case "unknown":
        return [];
    }
  }

  /** What a raw volume takes where its free clusters are holes. */
  #stored(target: Target): Child {
    const used = this.#sizes.used;
    return target === "raw" && !this.#extent.isWhole && used !== null && h("span", { class: "muted" }, words.onDisk(size(used)));
  }
}

/** Formats for one purpose, with what the result is. */
class GroupCard {
  readonly element: HTMLElement;
  readonly #group: Group;
  readonly #title: HTMLElement;
  readonly #about = h("p", { class: "muted" });

  constructor(group: Group, cards: HTMLElement[]) {
    const id = `group-${group}`;
    this.#group = group;
    this.#title = h("h2", { id });
    const targets = h("div", { class: "targets" }, ...cards);
    this.element = h("div", { class: `target-group ${group}`, role: "group", "aria-labelledby": id }, this.#title, this.#about, targets);
  }

  /** Shows what it is of a volume, or of a whole disk; nothing if it does not hold one. */
  show(isWhole: boolean): void {
    const texts: Partial<Record<Group, readonly string[]>> = isWhole ? words.wholeGroups : words.groups;
    const [title = "", about = ""] = texts[this.#group] ?? [];
    this.element.hidden = title === "";
    fill(this.#title, title);
    fill(this.#about, about);
  }
}

/** The partition table, which few need to choose. */
class DiskOptions {
  readonly element: HTMLElement;
  readonly #table: HTMLSelectElement;
  readonly #about = h("p", { class: "muted", id: "about-table" });

  constructor() {
    const tables = Object.entries(words.tables).map(([id, [title]]) => h("option", { value: id }, title));
    this.#table = h("select", { id: "table", "aria-describedby": "about-table" }, ...tables);
    this.element = h(
      "details",
      { class: "convert-options" },
      h("summary", {}, words.options),
      h("div", { class: "compress" }, h("label", { class: "field inline", for: "table" }, words.table, this.#table), this.#about),
    );
  }

  get disk(): Disk {
    return this.#table.value as Disk;
  }

  show(isSeen: boolean): void {
    this.element.hidden = !isSeen;
    fill(this.#about, words.tables[this.disk][1]);
  }
}

/** Whether the result is compressed. Virtual disks are not: their programs would not open them. */
class Compression {
  readonly element: HTMLElement;
  readonly #isOn = h("input", { type: "checkbox", id: "compress" });
  readonly #level = h(
    "select",
    { id: "level" },
    ...words.levels.map(([value, text]) => h("option", { value, selected: value === DEFAULT_LEVEL }, text)),
  );
  readonly #levelField = h("label", { class: "field inline", for: "level", hidden: true }, words.level, this.#level);

  constructor() {
    this.element = h(
      "div",
      { class: "compress" },
      h("label", { class: "field inline", for: "compress" }, this.#isOn, words.compress),
      this.#levelField,
      h("p", { class: "muted" }, words.compressLead),
    );
  }

  get level(): number | null {
    return this.#isOn.checked ? Number(this.#level.value) : null;
  }

  show(isSeen: boolean): void {
    this.element.hidden = !isSeen;
    this.#levelField.hidden = !this.#isOn.checked;
  }
}

function ofEach<T>(make: (target: Target) => T): Record<Target, T> {
  return Object.fromEntries(TARGETS.map((target) => [target, make(target)])) as Record<Target, T>;
}
