import { fill, h, icon, type Child } from "./dom.js";
import { name, plainName } from "./names.js";
import { formatRoute, VIEWS, within, type Route, type ViewName } from "./route.js";
import { strings } from "./strings.js";
import { themeButton } from "./theme.js";

const words = strings.shell;

/** The frame around the views: name, sections, theme, and the live region for screen readers. */
export class Shell {
  readonly #file = h("div", { class: "shell-file" });
  readonly #sections = h("nav", { class: "sections", "aria-label": words.sections, hidden: true });
  readonly #main = h("main", { id: "main", tabindex: -1 });
  readonly #live = h("div", { class: "visually-hidden", role: "status", "aria-live": "polite" });

  constructor(root: HTMLElement, onClose: () => void) {
    fill(
      root,
      h("a", { class: "skip", href: "#main", click: (event: MouseEvent) => this.#skip(event) }, words.skip),
      h(
        "header",
        { class: "shell" },
        h("button", { type: "button", class: "brand", "aria-label": strings.name, click: onClose }, logo(), h("span", {}, strings.name)),
        this.#file,
        h("div", { class: "shell-tools" }, themeButton()),
      ),
      this.#sections,
      this.#main,
      this.#live,
    );
  }

  /** Shows `content` while nothing is open. */
  showPlain(content: HTMLElement): void {
    document.title = strings.name;
    fill(this.#file);
    this.#sections.hidden = true;
    this.#replace(content);
  }

  /** Shows the views of what is open, one for each section. */
  showOpened(file: string, onClose: () => void, views: HTMLElement[]): void {
    document.title = `${plainName(file)} – ${strings.name}`;
    fill(
      this.#file,
      icon("file"),
      name(file),
      h("button", { type: "button", class: "quiet icon-only", "aria-label": words.close, title: words.close, click: onClose }, icon("close")),
    );
    this.#sections.hidden = false;
    this.#replace(...views);
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
  return h("img", { src: "./icon.svg", alt: "", width: 26, height: 26 });
}
