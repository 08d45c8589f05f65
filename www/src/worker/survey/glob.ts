/** Whether a text has the form of a pattern, in which `*` is any text and `?` any character. Both in small letters. */
export function matchesGlob(pattern: string, text: string): boolean {
  let [at, place] = [0, 0];
  /** Behind the last `*`, and where the text for it ends so far. */
  let [star, end] = [-1, 0];
  while (place < text.length) {
    if (pattern[at] === "*") {
      at += 1;
      [star, end] = [at, place];
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === text[place])) {
      at += 1;
      place += 1;
    } else if (star >= 0) {
      // Let the last `*` have one more: those before it need not change. So it takes no more than the product of both lengths.
      end += 1;
      [at, place] = [star, end];
    } else {
      return false;
    }
  }
  while (pattern[at] === "*") {
    at += 1;
  }
  return at === pattern.length;
}

export function isGlob(text: string): boolean {
  return /[*?]/.test(text);
}
