import { fill, h, icon, type Child } from "./dom.js";
import { name, plainName } from "./names.js";
import { formatRoute, parseRoute, VIEWS, within, type Route, type ViewName } from "./route.js";
import { strings } from "./strings.js";
import { themeButton } from "./theme.js";

const words = strings.shell;

export interface ShellOptions {
  /** The visitor wants to close what is open. */
  onClose(): void;
  /** The visitor turns away from what `showOver` shows. */
  onLeave(): void;
}

/** The frame around the views: name, sections, theme, and the live region for screen readers. */
export class Shell {
  readonly #brand = h("a", { class: "brand", href: "#", "aria-label": strings.name, draggable: "false" }, logo(), h("span", {}, strings.name));
  readonly #file = h("div", { class: "shell-file" });
  readonly #tools = h("div", { class: "shell-tools" });
  readonly #sections = h("nav", { class: "sections", "aria-label": words.sections, hidden: true });
  readonly #notices = h("div", { class: "shell-notices" });
  readonly #main = h("main", { id: "main", tabindex: -1 });
  readonly #over = h("dialog", { class: "over", "aria-label": words.over });
  readonly #live = h("div", { class: "visually-hidden", role: "status", "aria-live": "polite" });
  readonly #onClose: () => void;

  constructor(root: HTMLElement, { onClose, onLeave }: ShellOptions) {
    this.#onClose = onClose;
    this.#over.addEventListener("cancel", (event) => {
      event.preventDefault();
      onLeave();
    });
    fill(
      root,
      h("a", { class: "skip", href: "#main", click: (event: MouseEvent) => this.#skip(event) }, words.skip),
      h("header", { class: "shell" }, this.#brand, this.#file, this.#tools, themeButton()),
      this.#sections,
      this.#notices,
      this.#main,
      this.#over,
      this.#live,
    );
  }

  get isOpened(): boolean {
    return !this.#sections.hidden;
  }

  /** Shows `content` while nothing is open. */
  showPlain(content: HTMLElement): void {
    document.title = strings.name;
    fill(this.#file);
    fill(this.#tools);
    fill(this.#notices);
    this.#sections.hidden = true;
    this.#brand.setAttribute("href", "#");
    this.leaveOver();
    this.#replace(content);
  }

  /** Shows the views of what is open, one for each section; `tools` stand in the head. */
  showOpened(file: string, tools: HTMLElement[], views: HTMLElement[]): void {
    document.title = `${plainName(file)} – ${strings.name}`;
    fill(
      this.#file,
      icon("file"),
      name(file),
      h("button", { type: "button", class: "quiet icon-only", "aria-label": words.close, title: words.close, click: this.#onClose }, icon("close")),
    );
    fill(this.#tools, ...tools);
    fill(this.#notices);
    this.#sections.hidden = false;
    this.leaveOver();
    this.#replace(...views);
  }

  /** Shows `content` in the place of all else; if something is open, over it. */
  showOver(content: HTMLElement): void {
    if (!this.isOpened) {
      this.showPlain(content);
      return;
    }
    fill(this.#over, content);
    if (!this.#over.open) {
      this.#over.showModal();
    }
  }

  /** Goes back to what is open. */
  leaveOver(): void {
    this.#over.close();
    fill(this.#over);
  }

  /** Shows a notice above what is open, in the place of an older one. */
  showNotice(notice: HTMLElement | null): void {
    fill(this.#notices, notice);
  }

  /** Marks the current section, and sets the address of each. */
  showRoute(route: Route): void {
    const link = (view: ViewName): Child => {
      const isCurrent = view === route.view;
      return h("a", { href: formatRoute(within(view, route)), "aria-current": isCurrent && "page" }, words[view]);
    };
    const focused = [...this.#sections.children].indexOf(document.activeElement as Element);
    fill(this.#sections, ...VIEWS.map(link));
    (this.#sections.children[focused] as HTMLElement | undefined)?.focus();
    this.#brand.setAttribute("href", formatRoute({ ...parseRoute("#overview"), isSample: route.isSample }));
  }

  announce(text: string): void {
    this.#live.textContent = text;
  }

  /** Moves the focus to the new content if the focused element was removed, so that screen readers continue there. */
  #replace(...content: HTMLElement[]): void {
    const isFirst = this.#main.childElementCount === 0;
    fill(this.#main, ...content);
    if (!isFirst && (document.activeElement === null || document.activeElement === document.body)) {
      this.#main.focus({ preventScroll: true });
    }
  }

  #skip(event: MouseEvent): void {
    event.preventDefault();
    this.#main.focus();
  }
}

function logo(): HTMLElement {
  return h("img", { src: "./icon.svg", alt: "", width: 26, height: 26, draggable: "false" });
}
