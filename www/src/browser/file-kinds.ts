import type { Entry } from "../messages.js";
import { strings } from "../strings.js";

const words = strings.kinds;

/** What endings of names are usually of. */
const KINDS: Record<string, string> = {};
for (const [kind, endings] of Object.entries(words.endings)) {
  for (const ending of endings.split(" ")) {
    KINDS[ending] = kind;
  }
}
/** What is longer, after the last dot, is no ending that says something. */
const MOST_CHARACTERS = 8;

/** What a file is, by the ending of its name: nothing is looked at. */
export function kindOfFile({ name, isLink, isSystem }: Pick<Entry, "name" | "isLink" | "isSystem">): string {
  if (isLink) {
    return words.link;
  }
  if (isSystem) {
    return words.system;
  }
  const ending = /^[^.].*\.([^.]+)$/.exec(name ?? "")?.[1]?.toLowerCase() ?? "";
  if (ending === "" || ending.length > MOST_CHARACTERS || !/^[a-z0-9_-]+$/.test(ending)) {
    return words.file;
  }
  return KINDS[ending] ?? words.ofEnding(ending.toUpperCase());
}
