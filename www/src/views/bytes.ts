import type { Context, View } from "../context.js";
import { fill, h } from "../dom.js";
import { isAbort, problemOf } from "../failure.js";
import { Inspector } from "../hex/inspector.js";
import { Outline, pathOf } from "../hex/outline.js";
import { Pages } from "../hex/pages.js";
import { knownPlaces, parsePlace, type Known } from "../hex/place.js";
import { hex2, Rows } from "../hex/rows.js";
import type { Inspected, Whole } from "../messages.js";
import { name } from "../names.js";
import { hexadecimal } from "../numbers.js";
import type { Route } from "../route.js";
import { strings } from "../strings.js";
import { fieldsAt } from "../structures/field.js";
import type { Structure } from "../structures/locate.js";
import { problemBox } from "./problem.js";

const words = strings.bytes;
const ROW_HEIGHT = 22;
const LEAST_ROWS = 8;
const MOST_ROWS = 64;
/** Steps of the position: a range of more is not exact in every browser. */
const STEPS = 100_000;

export function bytes(context: Context): View {
  return new BytesView(context);
}

/** The bytes at any offset, as many rows as fit. */
class BytesView implements View {
  readonly element: HTMLElement;
  readonly #context: Context;
  readonly #clusterSize: number;
  readonly #places: Known[];
  readonly #wholes: Whole[];
  readonly #message = h("div", { class: "message" });
  readonly #rows = new Rows();
  readonly #outline: Outline;
  readonly #surface: HTMLElement;
  readonly #position = h("input", { type: "range", min: 0, max: STEPS, step: 1, class: "hex-position", "aria-label": words.position });
  readonly #inspector: Inspector;
  /** What the mouse points at. */
  readonly #pointed = h("p", { class: "hex-pointed muted" });
  readonly #chosen: HTMLInputElement[] = [];
  #of: Whole;
  #pages: Pages;
  #size = 0;
  /** The first visible byte, and the byte under the cursor. */
  #top = 0;
  #cursor = 0;
  /** The structure that the byte under the cursor is in, and the offset of that byte. */
  #inspected: (Inspected & { at: number }) | undefined;
  /** Announce the position when its structure is known. */
  #isToBeSaid = false;
  #columns = 16;
  #nrRows = 24;

  constructor(context: Context) {
    this.#context = context;
    const { info } = context;
    this.#clusterSize = info.volume?.cluster_size ?? info.image?.cluster_size ?? 512;
    this.#wholes = !info.volume && !info.image ? ["file"] : ["volume", "file"];
    this.#places = knownPlaces(info).filter(({ of }) => this.#wholes.includes(of));
    this.#of = this.#wholes[0]!;
    this.#pages = this.#turnTo(this.#of);
    this.#inspector = new Inspector(context, this.#clusterSize);
    this.#outline = new Outline(context, (at) => this.#moveTo(at));
    this.#surface = h(
      "div",
      {
        class: "hex",
        role: "application",
        tabindex: 0,
        "aria-label": words.table,
        keydown: (event: KeyboardEvent) => this.#onKey(event),
        click: (event: MouseEvent) => this.#onClick(event),
        pointermove: (event: PointerEvent) => this.#onPoint(event),
        pointerleave: () => this.#point(undefined),
      },
      this.#rows.element,
    );
    this.#surface.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const rows = Math.sign(event.deltaY) * Math.max(1, Math.round(Math.abs(event.deltaY) / 40));
        this.#scroll(this.#top + rows * this.#columns);
      },
      { passive: false },
    );
    this.#followTouch();
    this.#position.addEventListener("input", () => this.#scroll((Number(this.#position.value) / STEPS) * this.#last()));
    this.element = h(
      "div",
      { class: "view bytes" },
      h("h1", { class: "visually-hidden" }, words.title),
      this.#message,
      h(
        "section",
        { class: "card hex-card" },
        h("header", { class: "hex-bar" }, this.#wholeSwitch(), this.#goTo()),
        this.#places.length > 0 && this.#placeList(),
        h(
          "div",
          { class: "hex-frame" },
          h("div", { class: "hex-side" }, this.#surface, this.#pointed),
          this.#position,
          h("div", { class: "hex-panel" }, this.#inspector.element, this.#outline.element),
        ),
      ),
    );
    new ResizeObserver(() => this.#resize()).observe(this.#surface);
    // Then it is known which structures can be where.
    context.survey.follow(({ kind }) => kind === "done" && this.#inspected && void this.#inspect());
  }

  show({ at, of }: Route): void {
    // Where there is no volume, there is no place in it.
    if (at !== null && this.#wholes.includes(of)) {
      this.#choose(of);
      this.#moveTo(at, true);
    } else {
      this.#resize();
      void this.#inspect();
    }
  }

  #turnTo(of: Whole): Pages {
    const { info, session, size, closed } = this.#context;
    this.#of = of;
    if (of === "file") {
      this.#size = size;
    } else if (info.image) {
      this.#size = info.image.clusters * info.image.cluster_size;
    } else {
      // With the backup boot sector, which lies behind what counts as the volume.
      this.#size = (info.volume?.size ?? 0) + (info.volume?.sector_size ?? 0);
    }
    this.#pages = new Pages(session, of, this.#size, closed);
    return this.#pages;
  }

  #choose(of: Whole): void {
    if (of !== this.#of) {
      this.#turnTo(of);
      this.#inspected = undefined;
    }
    for (const radio of this.#chosen) {
      radio.checked = radio.value === of;
    }
  }

  #wholeSwitch(): HTMLElement {
    const options = this.#wholes.map((of) => {
      const radio = h("input", { type: "radio", name: "of", value: of, checked: of === this.#of, change: () => this.#context.go({ view: "bytes", of, at: 0 }) });
      this.#chosen.push(radio);
      return h("label", {}, radio, h("span", {}, words[of]));
    });
    return h("fieldset", { class: "switch" }, h("legend", {}, words.of), ...options);
  }

  #goTo(): HTMLElement {
    const input = h("input", { type: "text", id: "go-to", placeholder: words.goToHint, autocomplete: "off", spellcheck: "false", inputmode: "text" });
    const complaint = h("p", { class: "field-error", role: "alert" });
    return h(
      "form",
      {
        class: "go-to",
        submit: (event: SubmitEvent) => {
          event.preventDefault();
          const at = parsePlace(input.value, this.#clusterSize, this.#size);
          complaint.textContent = at === undefined ? words.bad : "";
          if (at !== undefined) {
            this.#context.go({ view: "bytes", of: this.#of, at });
            this.#surface.focus({ preventScroll: true });
          }
        },
      },
      h("label", { for: "go-to" }, words.goTo),
      input,
      h("button", { type: "submit" }, words.go),
      complaint,
    );
  }

  #placeList(): HTMLElement {
    const links = this.#places.map(({ of, offset, title }) =>
      h("button", { type: "button", class: "small", click: () => this.#context.go({ view: "bytes", of, at: offset }) }, title),
    );
    return h("div", { class: "hex-places", role: "group", "aria-label": words.places }, ...links);
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.#surface;
    if (clientWidth === 0) {
      return;
    }
    this.#columns = clientWidth >= 640 ? 16 : 8;
    this.#nrRows = Math.min(MOST_ROWS, Math.max(LEAST_ROWS, Math.floor((clientHeight - ROW_HEIGHT) / ROW_HEIGHT)));
    this.#scroll(this.#top);
  }

  /** The first byte of the last page. */
  #last(): number {
    const rows = Math.ceil(this.#size / this.#columns);
    return Math.max(0, rows - this.#nrRows) * this.#columns;
  }

  #scroll(top: number): void {
    this.#top = Math.min(this.#last(), Math.max(0, Math.floor(top / this.#columns) * this.#columns));
    void this.#load();
  }

  #moveTo(at: number, isJump = false): void {
    this.#cursor = Math.min(Math.max(0, at), Math.max(0, this.#size - 1));
    const row = Math.floor(this.#cursor / this.#columns) * this.#columns;
    const shown = this.#nrRows * this.#columns;
    if (isJump && (row < this.#top || row >= this.#top + shown)) {
      this.#scroll(row);
    } else if (row < this.#top) {
      this.#scroll(row);
    } else if (row >= this.#top + shown) {
      this.#scroll(row - shown + this.#columns);
    } else {
      void this.#load();
    }
    if (!isJump) {
      this.#context.note({ at: this.#cursor, of: this.#of });
    }
    void this.#inspect();
  }

  /** Finds the structure and the owner of the byte under the cursor. */
  async #inspect(): Promise<void> {
    const { session, closed } = this.#context;
    const [at, of] = [this.#cursor, this.#of];
    const isElsewhere = () => at !== this.#cursor || of !== this.#of;
    try {
      const inspected = of === "volume" ? await session.ask("inspect", at, { signal: closed }) : undefined;
      if (isElsewhere()) {
        return;
      }
      this.#inspected = inspected && { ...inspected, at };
    } catch (error) {
      if (isAbort(error) || isElsewhere()) {
        return;
      }
      // The bytes are shown without it, or what is wrong with them.
      this.#inspected = undefined;
    }
    this.#outline.show(this.#structure ?? null, this.#cursor);
    this.#draw();
    if (this.#isToBeSaid) {
      this.#isToBeSaid = false;
      this.#context.announce(this.#spoken());
    }
  }

  /** The structure under the cursor. */
  get #structure(): Structure | undefined {
    const structure = this.#inspected?.structure;
    return structure && fieldsAt(structure.field, this.#cursor - structure.start).length > 0 ? structure : undefined;
  }

  async #load(): Promise<void> {
    this.#draw();
    const pages = this.#pages;
    try {
      await pages.load(this.#top, this.#top + this.#nrRows * this.#columns);
      fill(this.#message);
      if (pages === this.#pages) {
        this.#draw();
      }
    } catch (error) {
      if (!isAbort(error)) {
        fill(this.#message, problemBox(problemOf(error)));
      }
    }
  }

  #draw(): void {
    const structure = this.#structure;
    const field = structure && fieldsAt(structure.field, this.#cursor - structure.start).at(-1);
    this.#rows.draw({
      top: this.#top,
      size: this.#size,
      columns: this.#columns,
      rows: this.#nrRows,
      cursor: this.#cursor,
      clusterSize: this.#of === "volume" ? this.#clusterSize : 0,
      byte: (offset) => this.#pages.byte(offset),
      classOf: (offset) => {
        const at = offset - (structure?.start ?? 0);
        const part = structure?.field.parts?.findIndex(({ offset, length }) => offset <= at && at < offset + length) ?? -1;
        const isOfField = field && field !== structure.field && field.offset <= at && at < field.offset + field.length;
        return part < 0 ? "" : `part-${part % 2}${isOfField ? " field" : ""}`;
      },
    });
    const last = this.#last();
    this.#position.value = String(last === 0 ? 0 : Math.round((this.#top / last) * STEPS));
    this.#showFacts();
  }

  #knownAt(offset: number): Known | undefined {
    return this.#places.find((known) => known.of === this.#of && known.offset <= offset && offset < known.offset + known.length);
  }

  #showFacts(): void {
    const at = this.#cursor;
    const inspected = this.#inspected;
    const clusterOf = (offset: number) => Math.floor(offset / this.#clusterSize);
    this.#inspector.show({
      at,
      isOfVolume: this.#of === "volume",
      structure: this.#structure,
      // That of the byte before, until that of this one is known, if it is the same cluster.
      holders: inspected && clusterOf(inspected.at) === clusterOf(at) ? inspected.holders : null,
      known: this.#knownAt(at)?.title,
      values: Array.from({ length: Math.min(8, this.#size - at) }, (_, index) => this.#pages.byte(at + index)),
    });
  }

  #onClick(event: MouseEvent): void {
    const at = placeOf(event);
    if (at !== undefined) {
      this.#moveTo(at);
    }
  }

  #onPoint(event: PointerEvent): void {
    this.#point(event.pointerType === "mouse" ? placeOf(event) : undefined);
  }

  /** Names the field under the pointer, in the structure under the cursor. */
  #point(at: number | undefined): void {
    const structure = this.#inspected?.structure;
    const field = at !== undefined && structure ? fieldsAt(structure.field, at - structure.start).at(-1) : undefined;
    if (at === undefined || !structure || !field || field === structure.field) {
      this.#rows.mark(0, 0);
      fill(this.#pointed);
      return;
    }
    const start = structure.start + field.offset;
    this.#rows.mark(start, start + field.length);
    fill(this.#pointed, name(pathOf(structure, at)), field.value !== undefined && ": ", field.value !== undefined && name(field.value));
  }

  #onKey(event: KeyboardEvent): void {
    const page = this.#columns * (this.#nrRows - 1);
    const moves: Record<string, number> = {
      ArrowLeft: this.#cursor - 1,
      ArrowRight: this.#cursor + 1,
      ArrowUp: this.#cursor - this.#columns,
      ArrowDown: this.#cursor + this.#columns,
      PageUp: this.#cursor - page,
      PageDown: this.#cursor + page,
      Home: event.ctrlKey ? 0 : this.#cursor - (this.#cursor % this.#columns),
      End: event.ctrlKey ? this.#size - 1 : this.#cursor - (this.#cursor % this.#columns) + this.#columns - 1,
    };
    const to = moves[event.key];
    if (to !== undefined && !event.altKey && !event.metaKey) {
      event.preventDefault();
      if (to >= 0 || event.key.startsWith("Page")) {
        this.#isToBeSaid = true;
        this.#moveTo(to);
      }
    }
  }

  #spoken(): string {
    const value = this.#pages.byte(this.#cursor);
    const text = typeof value === "number" ? hex2(value) : words.missing;
    const structure = this.#structure;
    const place = structure ? `. ${pathOf(structure, this.#cursor)}` : "";
    return `${words.byte} ${hexadecimal(this.#cursor)}: ${text}${place}`;
  }

  /** A finger drags the rows. */
  #followTouch(): void {
    let start: { y: number; top: number } | undefined;
    this.#surface.addEventListener("touchstart", ({ touches }) => {
      const [touch] = touches;
      start = touch && touches.length === 1 ? { y: touch.clientY, top: this.#top } : undefined;
    }, { passive: true });
    this.#surface.addEventListener("touchmove", (event) => {
      const [touch] = event.touches;
      if (start && touch) {
        event.preventDefault();
        this.#scroll(start.top + Math.round((start.y - touch.clientY) / ROW_HEIGHT) * this.#columns);
      }
    }, { passive: false });
  }
}

/** The byte that is pointed at. */
function placeOf({ target }: MouseEvent): number | undefined {
  const at = (target as HTMLElement).dataset["at"];
  return at === undefined ? undefined : Number(at);
}
