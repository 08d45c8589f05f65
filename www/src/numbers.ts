/** Numbers and sentences as people read them: numbers as is usual where the visitor is. */

const whole = new Intl.NumberFormat();
/** With so many digits after the point, as far as they are not zeros. */
const rounded = [0, 1, 2].map((digits) => new Intl.NumberFormat(undefined, { maximumFractionDigits: digits, useGrouping: false }));
const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function count(value: number): string {
  return whole.format(value);
}

/** A number of things, such as "2 files". */
export function several(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** In the largest unit of which there is one, with three digits. */
export function size(bytes: number): string {
  if (bytes === 1) {
    return "1 byte";
  }
  let unit = 0;
  while (bytes >= 1024 && unit < UNITS.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || bytes >= 100 ? 0 : bytes >= 10 ? 1 : 2;
  return `${rounded[digits]!.format(bytes)} ${UNITS[unit]}`;
}

export function hexadecimal(value: number): string {
  return `0x${value.toString(16)}`;
}

/** Never 100% before it is all, never 0% when there is something. */
export function percent(part: number, all: number): string {
  if (all <= 0 || part <= 0) {
    return "0%";
  }
  const share = (100 * part) / all;
  if (share < 1) {
    return "< 1%";
  }
  return part >= all ? "100%" : `${Math.min(99, Math.round(share))}%`;
}

export function duration(seconds: number): string {
  if (seconds < 1) {
    return "less than a second";
  }
  const all = Math.round(seconds);
  if (all < 60) {
    return `${all} s`;
  }
  const minutes = Math.floor(all / 60);
  return minutes < 60 ? `${minutes} min ${all % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A day and a minute, where the visitor is. */
export function date(milliseconds: number): string {
  const when = new Date(milliseconds);
  const two = (number: number) => String(number).padStart(2, "0");
  const day = `${String(when.getFullYear()).padStart(4, "0")}-${two(when.getMonth() + 1)}-${two(when.getDate())}`;
  return `${day} ${two(when.getHours())}:${two(when.getMinutes())}`;
}

/** A sentence of the library: those begin with a small letter, since the name of a file comes before. */
export function capitalised(text: string): string {
  return /^[a-z]+[ ,:]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}
