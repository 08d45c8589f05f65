import type { Context } from "../context.js";
import { h, fill, icon } from "../dom.js";
import { isAbort, problemOf } from "../failure.js";
import { plainName } from "../names.js";
import { count, hexadecimal, percent, size } from "../numbers.js";
import { strings } from "../strings.js";
import { Coverage, type Share } from "./coverage.js";
import { draw, PITCH } from "./drawing.js";
import { Scale } from "./scale.js";

const words = strings.map;
const LEAST_ROWS = 6;
const MOST_ROWS = 26;

/** The clusters as a picture: to point at, to zoom into, and to go through by keyboard. */
export class MapView {
  readonly element: HTMLElement;
  readonly #context: Context;
  readonly #clusterSize: number;
  readonly #mft: number | undefined;
  readonly #isImage: boolean;
  readonly #coverage: Coverage;
  readonly #scale: Scale;
  readonly #canvas = h("canvas", { "aria-hidden": "true" });
  readonly #surface: HTMLElement;
  readonly #position = h("input", { type: "range", min: 0, step: 1, class: "map-position", "aria-label": words.overviewLabel });
  readonly #zoomIn = button(words.zoomIn, "plus", () => this.#zoom(1));
  readonly #zoomOut = button(words.zoomOut, "minus", () => this.#zoom(-1));
  readonly #whole = h("button", { type: "button", class: "small", click: () => this.#seeWhole() }, words.whole);
  readonly #picture = h("div");
  readonly #tools = h("div", { class: "map-tools" }, this.#whole, this.#zoomOut, this.#zoomIn);
  readonly #told = h("p", { class: "map-told" });
  readonly #each = h("p", { class: "map-each" });
  readonly #state = h("span", { class: "map-state" });
  readonly #missing = h("li", { hidden: true }, h("span", { class: "swatch missing" }), words.missing);
  #cursor = 0;
  #hovered: number | undefined;
  /** Somebody went there, by mouse, keyboard or address. */
  #isPlaced = false;
  #isPlanned = false;

  constructor(context: Context, clusters: number) {
    const { info } = context;
    this.#context = context;
    this.#clusterSize = info.volume?.cluster_size ?? info.image?.cluster_size ?? 1;
    this.#mft = info.volume?.mft_lcn;
    this.#isImage = info.image !== null;
    this.#coverage = new Coverage(clusters, info.volume?.usage?.map ?? [], this.#isImage);
    this.#scale = new Scale(clusters);
    this.#surface = h(
      "div",
      {
        class: "map-surface",
        role: "application",
        tabindex: 0,
        "aria-label": words.label,
        keydown: (event: KeyboardEvent) => this.#onKey(event),
        pointermove: (event: PointerEvent) => this.#onPoint(event),
        pointerleave: () => this.#hover(undefined),
        click: (event: MouseEvent) => this.#onClick(event),
        dblclick: () => this.#zoom(1),
        focus: () => this.#plan(),
        blur: () => this.#plan(),
      },
      this.#canvas,
    );
    this.#surface.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    this.#position.addEventListener("input", () => {
      this.#scale.scrollTo(Number(this.#position.value));
      this.#plan();
    });
    this.element = h(
      "section",
      { class: "card map", "aria-label": strings.overview.map },
      h(
        "header",
        { class: "card-header" },
        h("h2", {}, strings.overview.map),
        this.#state,
        this.#tools,
      ),
      this.#picture,
    );
    fill(
      this.#picture,
      this.#surface,
      this.#position,
      h("div", { class: "map-foot" }, this.#told, h("button", { type: "button", class: "small", click: () => this.#showBytes() }, words.showBytes)),
      h(
        "div",
        { class: "map-foot" },
        h(
          "ul",
          { class: "legend", "aria-label": words.legend },
          h("li", {}, h("span", { class: "swatch used" }), this.#isImage ? words.inImage : words.used),
          h("li", {}, h("span", { class: "swatch free" }), words.free),
          this.#missing,
          this.#mft !== undefined && h("li", {}, h("span", { class: "swatch mark" }), words.mft),
        ),
        this.#each,
      ),
    );
    this.#state.textContent = this.#coverage.isKnown ? words.reading : words.waiting;
    this.#tools.hidden = this.#picture.hidden = !this.#coverage.isKnown;
    new ResizeObserver(() => this.#resize()).observe(this.#surface);
    addEventListener("themechange", () => this.#plan(), { signal: context.closed });
    void this.#refine();
  }

  /** Goes to that byte of the volume. */
  show(at: number | null): void {
    if (at !== null) {
      this.#isPlaced = true;
      this.#cursor = this.#scale.squareOf(Math.floor(at / this.#clusterSize));
      this.#scale.reveal(this.#cursor);
    }
    this.#plan();
  }

  async #refine(): Promise<void> {
    try {
      this.#coverage.refine(await this.#context.extents());
      const { hasMissing } = this.#coverage;
      this.#state.textContent = hasMissing ? words.exactStored : words.exact;
      this.#state.classList.add("is-exact");
      this.#missing.hidden = !hasMissing;
      this.#tools.hidden = this.#picture.hidden = false;
      this.#plan();
    } catch (error) {
      if (!isAbort(error)) {
        this.#state.textContent = (this.#coverage.isKnown ? words.rough : words.none)(plainName(problemOf(error).message));
      }
    }
  }

  #resize(): void {
    const columns = Math.floor(this.#surface.clientWidth / PITCH);
    if (columns > 0) {
      const wanted = Math.ceil(this.#scale.clusters / columns);
      const most = this.#surface.clientWidth < 500 ? MOST_ROWS + 8 : MOST_ROWS;
      this.#scale.resize(columns, Math.min(most, Math.max(LEAST_ROWS, wanted)));
      this.#plan();
    }
  }

  #plan(): void {
    if (!this.#isPlanned) {
      this.#isPlanned = true;
      requestAnimationFrame(() => {
        this.#isPlanned = false;
        this.#draw();
      });
    }
  }

  #draw(): void {
    const scale = this.#scale;
    this.#cursor = scale.squareOf(this.#cursor);
    const isFocused = document.activeElement === this.#surface;
    draw(this.#canvas, scale, this.#coverage, {
      cursor: this.#hovered ?? (isFocused || this.#isPlaced ? this.#cursor : undefined),
      isFocused,
      mft: this.#mft,
    });
    this.#position.max = String(Math.max(0, scale.allRows - scale.rows));
    this.#position.value = String(scale.firstRow);
    this.#position.hidden = scale.isWhole;
    this.#whole.hidden = scale.isWhole;
    this.#zoomOut.disabled = scale.isWhole;
    this.#zoomIn.disabled = scale.isClosest;
    const each = scale.perSquare;
    this.#each.textContent = words.each(words.clusters(each), size(each * this.#clusterSize));
    fill(this.#told, ...this.#describe(this.#hovered ?? this.#cursor));
  }

  #describe(lcn: number): string[] {
    const last = Math.min(lcn + this.#scale.perSquare, this.#scale.clusters) - 1;
    const range = last > lcn ? words.range(count(lcn), count(last)) : words.one(count(lcn));
    const byte = lcn * this.#clusterSize;
    return [`${range} · ${words.byte(`${count(byte)} (${hexadecimal(byte)})`)} · `, this.#stateOf(this.#coverage.share(lcn, last + 1))];
  }

  #stateOf({ used, missing, isExact }: Share): string {
    const states = [];
    if (used === 1) {
      states.push(this.#isImage ? words.inImage : words.used);
    } else if (used > 0) {
      states.push(words.share(percent(used, 1)));
    }
    if (missing > 0) {
      states.push(isExact ? words.missing : words.perhapsMissing);
    }
    const text = states.length > 0 ? states.join(", ") : words.free;
    return this.#coverage.isExact ? text : `${text} (${words.estimated})`;
  }

  #onPoint(event: PointerEvent): void {
    this.#hover(this.#pointed(event));
  }

  #pointed(event: MouseEvent): number | undefined {
    const { left, top } = this.#canvas.getBoundingClientRect();
    return this.#scale.at(Math.floor((event.clientX - left) / PITCH), Math.floor((event.clientY - top) / PITCH));
  }

  #hover(lcn: number | undefined): void {
    if (lcn !== this.#hovered) {
      this.#hovered = lcn;
      this.#plan();
    }
  }

  #onClick(event: MouseEvent): void {
    const lcn = this.#pointed(event);
    if (lcn !== undefined) {
      this.#moveTo(lcn);
    }
  }

  #onWheel(event: WheelEvent): void {
    if (event.ctrlKey || event.metaKey) {
      this.#zoom(event.deltaY < 0 ? 1 : -1, this.#pointed(event));
    } else if (!this.#scale.isWhole) {
      this.#scale.scrollTo(this.#scale.firstRow + Math.sign(event.deltaY) * 2);
      this.#hovered = this.#pointed(event);
      this.#plan();
    } else {
      // The page scrolls.
      return;
    }
    event.preventDefault();
  }

  #onKey(event: KeyboardEvent): void {
    const { perSquare, perRow, rows, clusters } = this.#scale;
    const moves: Record<string, () => void> = {
      ArrowLeft: () => this.#moveTo(this.#cursor - perSquare),
      ArrowRight: () => this.#moveTo(this.#cursor + perSquare),
      ArrowUp: () => this.#moveTo(this.#cursor - perRow),
      ArrowDown: () => this.#moveTo(this.#cursor + perRow),
      PageUp: () => this.#moveTo(this.#cursor - perRow * rows),
      PageDown: () => this.#moveTo(this.#cursor + perRow * rows),
      Home: () => this.#moveTo(0),
      End: () => this.#moveTo(clusters - 1),
      "+": () => this.#zoom(1),
      "=": () => this.#zoom(1),
      "-": () => this.#zoom(-1),
      "0": () => this.#seeWhole(),
      Enter: () => this.#showBytes(),
    };
    const move = moves[event.key];
    if (move && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      this.#hovered = undefined;
      move();
    }
  }

  #moveTo(lcn: number): void {
    this.#isPlaced = true;
    this.#cursor = this.#scale.squareOf(lcn);
    this.#scale.reveal(this.#cursor);
    this.#context.note({ at: this.#cursor * this.#clusterSize, of: "volume" });
    this.#context.announce(this.#describe(this.#cursor).join(""));
    this.#plan();
  }

  #zoom(steps: number, lcn = this.#hovered ?? this.#cursor): void {
    this.#scale.zoom(steps, lcn);
    this.#cursor = this.#scale.squareOf(lcn);
    this.#scale.reveal(this.#cursor);
    this.#context.announce(words.each(words.clusters(this.#scale.perSquare), size(this.#scale.perSquare * this.#clusterSize)));
    this.#plan();
  }

  #seeWhole(): void {
    this.#scale.zoomOut();
    this.#plan();
  }

  #showBytes(): void {
    this.#context.go({ view: "bytes", at: this.#cursor * this.#clusterSize, of: "volume" });
  }
}

function button(label: string, picture: "plus" | "minus", click: () => void): HTMLButtonElement {
  return h("button", { type: "button", class: "small icon-only", "aria-label": label, title: label, click }, icon(picture));
}
