import { h, icon } from "./dom.js";
import { strings } from "./strings.js";

const KEY = "theme";
type Theme = "light" | "dark";

/** Changes between light and dark; the first time from what the system says. */
export function themeButton(): HTMLElement {
  const button = h("button", { type: "button", class: "quiet icon-only", click: () => apply(current() === "dark" ? "light" : "dark") });
  const show = () => {
    const [other, picture] = current() === "dark" ? ([strings.shell.light, "sun"] as const) : ([strings.shell.dark, "moon"] as const);
    button.setAttribute("aria-label", other);
    button.title = other;
    button.replaceChildren(icon(picture));
  };
  const apply = (theme: Theme) => {
    document.documentElement.dataset["theme"] = theme;
    store(theme);
    show();
    dispatchEvent(new Event("themechange"));
  };
  const stored = read();
  if (stored) {
    document.documentElement.dataset["theme"] = stored;
  }
  system.addEventListener("change", () => {
    show();
    dispatchEvent(new Event("themechange"));
  });
  show();
  return button;
}

const system = matchMedia("(prefers-color-scheme: dark)");

function current(): Theme {
  const chosen = document.documentElement.dataset["theme"];
  return chosen === "light" || chosen === "dark" ? chosen : system.matches ? "dark" : "light";
}

/** A browser may refuse to keep anything: then the choice lasts until the page is left. */
function read(): Theme | undefined {
  try {
    const theme = localStorage.getItem(KEY);
    return theme === "light" || theme === "dark" ? theme : undefined;
  } catch {
    return undefined;
  }
}

function store(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Not kept.
  }
}
