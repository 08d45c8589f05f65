import { text } from "./arguments.js";
import { NtfscloneError } from "./error.js";

/** A part of a pattern between slashes: any directories, or what a name is compared with. */
type Component = typeof ANY_DEPTH | Token[];
type Token = typeof ANY_TEXT | ((character: string) => boolean);

const ANY_DEPTH = "**";
const ANY_TEXT = "*";

/** Ours: `{a,b}{a,b}…` doubles with each. */
const MOST_ALTERNATIVES = 256;
/** Ours: paths of Windows are not that long. */
const MOST_CHARACTERS = 1024;

/**
 * A pattern for paths: `*` and `?` within a name, `[a-z]` and `[!a-z]`, `{one,other}`, and `**` for any directories. Without
 * regard to case, as names in NTFS are. A path is compared in time in proportion to its length, whatever the pattern.
 */
export class Glob {
  /** The directory that has all that can match: the names at the start of the pattern that are no patterns. */
  readonly directory: string;
  readonly #alternatives: Component[][];

  constructor(pattern: string) {
    const plain = text(pattern, "the pattern").replaceAll("\\", "/");
    if (plain.length > MOST_CHARACTERS) {
      throw new NtfscloneError("argument", `the pattern has more than ${MOST_CHARACTERS} characters`);
    }
    const all = alternatives(plain);
    this.#alternatives = all.map((one) => one.split("/").filter((name) => name !== "" && name !== ".").map(component));
    const names = all.length === 1 ? plain.split("/").filter((name) => name !== "") : [];
    const literal = names.findIndex((name) => /[*?[{]/.test(name));
    this.directory = `/${names.slice(0, literal < 0 ? names.length - 1 : literal).join("/")}`;
  }

  /** Whether a path from the root directory on matches. */
  matches(path: string): boolean {
    const names = path.toLowerCase().split("/").filter((name) => name !== "");
    return this.#alternatives.some((components) => matchesAll(components, names, matchesDepth, matchesName));
  }
}

/**
 * Compares a list of items with a pattern that has wildcards for any number of them. Of several wildcards only the last is
 * tried again: what the others matched first is as good as anything else.
 */
function matchesAll<P, I>(
  pattern: readonly P[],
  items: ArrayLike<I>,
  isWildcard: (part: P) => boolean,
  matches: (part: P, item: I) => boolean,
): boolean {
  let [at, item] = [0, 0];
  let retry: { at: number; item: number } | undefined;
  while (item < items.length) {
    if (at < pattern.length && isWildcard(pattern[at]!)) {
      retry = { at: at + 1, item };
      at += 1;
    } else if (at < pattern.length && matches(pattern[at]!, items[item]!)) {
      at += 1;
      item += 1;
    } else if (retry) {
      retry.item += 1;
      ({ at, item } = retry);
    } else {
      return false;
    }
  }
  return pattern.slice(at).every(isWildcard);
}

function matchesDepth(component: Component): boolean {
  return component === ANY_DEPTH;
}

function matchesName(component: Component, name: string): boolean {
  const isAnyText = (token: Token) => token === ANY_TEXT;
  const matches = (token: Token, character: string) => token !== ANY_TEXT && token(character);
  return component !== ANY_DEPTH && matchesAll(component, [...name], isAnyText, matches);
}

function component(name: string): Component {
  if (name === ANY_DEPTH) {
    return ANY_DEPTH;
  }
  const tokens: Token[] = [];
  const characters = [...name.toLowerCase()];
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at]!;
    if (character === "*") {
      tokens.push(ANY_TEXT);
    } else if (character === "?") {
      tokens.push(() => true);
    } else if (character === "[") {
      // A `]` right at the start is one of the characters.
      const first = characters[at + 1] === "!" ? at + 2 : at + 1;
      const end = characters.indexOf("]", first + 1);
      if (end < 0) {
        throw new NtfscloneError("argument", `the pattern has a [ without a ]: ${JSON.stringify(name)}`);
      }
      tokens.push(inClass(characters.slice(first, end), first === at + 2));
      at = end;
    } else {
      tokens.push((other) => other === character);
    }
  }
  return tokens;
}

function inClass(members: string[], isInverted: boolean): (character: string) => boolean {
  return (character) => {
    let isMember = false;
    for (let at = 0; at < members.length; at += 1) {
      if (members[at + 1] === "-" && at + 2 < members.length) {
        isMember ||= members[at]! <= character && character <= members[at + 2]!;
        at += 2;
      } else {
        isMember ||= members[at] === character;
      }
    }
    return isMember !== isInverted;
  };
}

/** The pattern without braces: once for each choice. */
function alternatives(pattern: string): string[] {
  const open = pattern.indexOf("{");
  if (open < 0) {
    return [pattern];
  }
  const choices: string[] = [];
  let [depth, start] = [0, open + 1];
  for (let at = open; at < pattern.length; at += 1) {
    const character = pattern[at];
    depth += character === "{" ? 1 : character === "}" ? -1 : 0;
    if (depth === 0 || (depth === 1 && character === ",")) {
      choices.push(pattern.slice(start, at));
      start = at + 1;
    }
    if (depth === 0) {
      break;
    }
  }
  if (depth > 0) {
    throw new NtfscloneError("argument", `the pattern has a { without a }: ${JSON.stringify(pattern)}`);
  }
  const all = choices.flatMap((choice) => alternatives(pattern.slice(0, open) + choice + pattern.slice(start)));
  if (all.length > MOST_ALTERNATIVES) {
    throw new NtfscloneError("argument", `the pattern has more than ${MOST_ALTERNATIVES} alternatives`);
  }
  return all;
}
