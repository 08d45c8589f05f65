import type { Progress } from "ntfsclone";
import { h } from "./dom.js";
import { duration, percent, size } from "./numbers.js";
import { strings } from "./strings.js";

const words = strings.progress;
const MILLISECONDS_OF_RATE = 5000;
const MILLISECONDS_BEFORE_LEFT = 1000;

/** How far something is, how fast it goes and when it will be there. */
export class Meter {
  readonly element: HTMLElement;
  readonly #bar = h("progress", { max: 1 });
  readonly #percent = h("strong", { class: "meter-percent" }, words.starting);
  readonly #done = h("span");
  readonly #rate = h("span");
  readonly #left = h("span");
  readonly #announce: (text: string) => void;
  readonly #started = performance.now();
  /** What was done when, of the last seconds. */
  #samples: { time: number; done: number }[] = [];
  #said = 0;

  constructor(label: string, cancel: string, announce: (text: string) => void, onCancel: () => void) {
    this.#announce = announce;
    this.#bar.setAttribute("aria-label", label);
    this.element = h(
      "div",
      { class: "card meter" },
      h("div", { class: "meter-head" }, h("h1", {}, label), this.#percent),
      this.#bar,
      h(
        "div",
        { class: "meter-foot" },
        h("p", { class: "meter-figures" }, this.#done, this.#rate, this.#left),
        cancelButton(cancel, onCancel),
      ),
    );
  }

  /** In seconds. */
  get elapsed(): number {
    return (performance.now() - this.#started) / 1000;
  }

  update({ done, total }: Progress): void {
    if (total <= 0) {
      return;
    }
    const now = performance.now();
    if (this.#samples.some((sample) => sample.done > done)) {
      // A new part of the work.
      this.#samples = [];
    }
    this.#samples.push({ time: now, done });
    this.#samples = this.#samples.filter(({ time }) => now - time <= MILLISECONDS_OF_RATE);
    this.#bar.value = done / total;
    this.#percent.textContent = percent(done, total);
    this.#done.textContent = words.of(size(done), size(total));
    const first = this.#samples[0];
    const rate = first && now > first.time ? ((done - first.done) * 1000) / (now - first.time) : 0;
    if (rate > 0) {
      this.#rate.textContent = words.rate(size(rate));
      const isSteady = now - this.#started >= MILLISECONDS_BEFORE_LEFT;
      this.#left.textContent = isSteady && done < total ? words.left(duration((total - done) / rate)) : "";
    }
    const tenth = Math.floor((10 * done) / total);
    if (tenth > this.#said) {
      this.#said = tenth;
      this.#announce(words.percent(`${tenth * 10}%`));
    }
  }
}

/** To be pressed once: what takes a moment to stop is being stopped. */
function cancelButton(text: string, onCancel: () => void): HTMLButtonElement {
  const button = h("button", { type: "button" }, text);
  button.addEventListener("click", () => {
    button.disabled = true;
    button.textContent = words.cancelling;
    onCancel();
  });
  return button;
}
