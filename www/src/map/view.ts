import type { Context } from "../context.js";
import { h, fill, icon } from "../dom.js";
import { isAbort, problemOf } from "../failure.js";
import type { Kind, Squares } from "../kinds.js";
import { plainName } from "../names.js";
import { count, hexadecimal, percent, size } from "../numbers.js";
import { strings } from "../strings.js";
import type { SurveyState } from "../survey.js";
import { Coverage, type Contents } from "./coverage.js";
import { draw, PITCH } from "./drawing.js";
import { HolderList } from "./holder-list.js";
import { legend } from "./legend.js";
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
  readonly #again = h("button", { type: "button", class: "small", hidden: true, click: () => this.#context.survey.start() }, words.readHolders);
  readonly #legend = h("div");
  readonly #holders: HolderList;
  /** What is being asked for. */
  #asked: Squares | undefined;
  #problem: string | undefined;
  #damage: string | null = null;
  /** What the place is has to be said when it is known. */
  #isToBeSaid = false;
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
    this.#coverage = new Coverage(clusters, info.volume?.usage?.map ?? []);
    this.#holders = new HolderList(context);
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
        this.#again,
        h("div", { class: "map-right" }, this.#each, this.#tools),
      ),
      this.#picture,
    );
    fill(
      this.#picture,
      this.#surface,
      this.#position,
      h(
        "div",
        { class: "map-foot" },
        h("div", { class: "map-about" }, this.#told, this.#holders.element),
        h("button", { type: "button", class: "small", click: () => this.#showBytes() }, words.showBytes),
      ),
      this.#legend,
    );
    this.#tools.hidden = this.#picture.hidden = !this.#coverage.isKnown;
    new ResizeObserver(() => this.#resize()).observe(this.#surface);
    addEventListener("themechange", () => this.#plan(), { signal: context.closed });
    context.survey.follow((state) => this.#onSurvey(state));
    this.#plan();
    if (!this.#coverage.isKnown) {
      // It is not drawn before there is room for it, and there is none before there is something to draw.
      void this.#ask(this.#scale.squares);
    }
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

  /** Asks what is in these squares. */
  async #ask(squares: Squares): Promise<void> {
    this.#asked = squares;
    const { session, closed, survey } = this.#context;
    try {
      const { isTold } = this.#coverage;
      const counted = await session.ask("squares", squares, { signal: closed });
      // Else it was counted before it was known whose they are.
      if (isTold === this.#coverage.isTold) {
        this.#coverage.take(counted);
      }
      this.#damage = counted.damage;
      this.#tools.hidden = this.#picture.hidden = false;
      survey.start();
    } catch (error) {
      if (isAbort(error)) {
        return;
      }
      this.#problem = plainName(problemOf(error).message);
    }
    this.#asked = undefined;
    this.#showState(survey.state);
    this.#plan();
  }

  #onSurvey(state: SurveyState): void {
    if (state.kind === "done") {
      this.#coverage.outdate();
      this.#holders.begin();
      this.#plan();
    }
    this.#showState(state);
  }

  #showState(survey: SurveyState): void {
    const { isExact, isKnown } = this.#coverage;
    this.#again.hidden = !isExact || survey.kind !== "stopped";
    this.#state.classList.toggle("is-exact", isExact && survey.kind === "done" && this.#damage === null);
    this.#state.classList.toggle("is-damaged", this.#damage !== null);
    this.element.dataset["survey"] = survey.kind;
    if (this.#problem !== undefined) {
      this.#state.textContent = (isKnown ? words.rough : words.none)(this.#problem);
    } else if (!isExact) {
      this.#state.textContent = isKnown ? words.reading : words.waiting;
    } else {
      const damaged = this.#damage === null ? "" : `${words.damaged(plainName(this.#damage))}. `;
      this.#state.textContent = damaged === "" || survey.kind !== "done" ? `${damaged}${stateOfSurvey(survey)}` : damaged;
    }
    const { clusters } = this.#scale;
    const whole = survey.kind === "done" ? survey.found.whole : undefined;
    fill(this.#legend, legend(whole, clusters, this.#clusterSize, this.#isImage, this.#mft !== undefined));
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
    const { squares } = scale;
    const isWaiting = this.#problem === undefined && !this.#coverage.has(squares);
    this.#surface.setAttribute("aria-busy", String(isWaiting));
    if (isWaiting && this.#asked === undefined) {
      void this.#ask(squares);
    }
    // The picture of before stays until the next is known: that takes a moment.
    if (!isWaiting || !this.#coverage.isExact) {
      const at = this.#hovered ?? (isFocused || this.#isPlaced ? this.#cursor : undefined);
      draw(this.#canvas, scale, this.#coverage, { cursor: at, isFocused, mft: this.#mft });
      this.#tell(this.#hovered ?? this.#cursor);
    }
    this.#position.max = String(Math.max(0, scale.allRows - scale.rows));
    this.#position.value = String(scale.firstRow);
    this.#position.hidden = scale.isWhole;
    this.#whole.hidden = scale.isWhole;
    this.#zoomOut.disabled = scale.isWhole;
    this.#zoomIn.disabled = scale.isClosest;
    const each = scale.perSquare;
    this.#each.textContent = words.each(words.clusters(each), size(each * this.#clusterSize));
  }

  /** What is at that place. */
  #tell(lcn: number): void {
    const clusters = Math.min(this.#scale.perSquare, this.#scale.clusters - lcn);
    const range = clusters > 1 ? words.range(count(lcn), count(lcn + clusters - 1)) : words.one(count(lcn));
    const byte = lcn * this.#clusterSize;
    const place = `${range} · ${words.byte(`${count(byte)} (${hexadecimal(byte)})`)} · `;
    const text = `${place}${this.#describe(this.#coverage.square(lcn, this.#scale.perSquare))}`;
    this.#told.textContent = text;
    const isToBeSaid = this.#isToBeSaid;
    this.#isToBeSaid = false;
    void this.#holders.show({ lcn, length: clusters }).then((names) => {
      if (isToBeSaid) {
        this.#context.announce([text, ...names].join(". "));
      }
    });
  }

  #describe({ clusters, kinds, free, isExact }: Contents): string {
    const parts = [...kinds].map(([kind, number]): [string, number] => [this.#nameOf(kind), number]);
    if (free > 0) {
      parts.push([words.free, free]);
    }
    const [only] = parts.length === 1 ? parts : [];
    const text = only ? only[0] : parts.map(([name, number]) => `${name} ${percent(number, clusters)}`).join(", ");
    return isExact ? text : `${text} (${words.estimated})`;
  }

  #nameOf(kind: Kind): string {
    if (kind !== "used" || this.#coverage.isTold) {
      return words.kinds[kind];
    }
    return this.#isImage ? words.inImage : words.used;
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
    this.#isToBeSaid = true;
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

function stateOfSurvey(survey: SurveyState): string {
  switch (survey.kind) {
    case "none":
      return words.exact;
    case "reading": {
      const { done = 0, total = 0 } = survey.progress ?? {};
      return words.readingHolders(percent(done, total));
    }
    case "done":
      return survey.found.isCut ? words.exactCut : words.exact;
    case "stopped":
      return words.holdersStopped;
    case "failed":
      return words.noHolders(plainName(survey.problem.message));
  }
}

function button(label: string, picture: "plus" | "minus", click: () => void): HTMLButtonElement {
  return h("button", { type: "button", class: "small icon-only", "aria-label": label, title: label, click }, icon(picture));
}
