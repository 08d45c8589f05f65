import type { Step } from "./messages.js";
import { strings } from "./strings.js";

/** The name of a file, or what stands for it. Untrusted: to be shown by way of `name()`. */
export function textOf({ name, record }: Step): string {
  return name ?? strings.files.unnamed(String(record));
}

/** The path of a file, from the root on. */
export function pathText(path: Step[]): string {
  return `/${path.map(textOf).join("/")}`;
}
