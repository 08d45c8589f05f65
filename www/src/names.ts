/**
 * What does not show, or makes what is around it show otherwise: control and format characters (those that turn the
 * direction of text are among them), separators of lines, and lone halves of surrogate pairs.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const PARTS = /([\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}])/u;

/** An element for an untrusted name: hidden characters become visible, and the text around it keeps its direction. */
export function name(text: string): HTMLElement {
  const element = document.createElement("bdi");
  element.className = "name";
  for (const part of text.split(PARTS)) {
    if (HIDDEN.test(part)) {
      const mark = document.createElement("span");
      mark.className = "hidden-character";
      mark.textContent = codePoint(part);
      element.append(mark);
    } else if (part !== "") {
      element.append(part);
    }
  }
  return element;
}

/** The same as plain text, for titles and labels. */
export function plainName(text: string): string {
  return text
    .split(PARTS)
    .map((part) => (HIDDEN.test(part) ? `[${codePoint(part)}]` : part))
    .join("");
}

/** A text of several lines, with hidden characters made visible but for those that end lines and columns. */
export function visibleText(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(/(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => `[${codePoint(character)}]`);
}

function codePoint(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
}
