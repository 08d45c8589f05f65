// How far colours are apart for people who see all of them, and for those who do not.

/**
 * What red, green and blue (linear) become for those without one kind of cone: Machado, Oliveira, Fernandes: A
 * Physiologically-based Model for Simulation of Color Vision Deficiency, 2009, severity 1.
 */
export const EYES = {
  all: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  "no red": [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  "no green": [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  "no blue": [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};

/** In OKLab, where black and white are 1 apart. */
export function distance(a, b, eyes) {
  const [first, second] = [a, b].map((colour) => oklab(seen(colour.map(linear), EYES[eyes])));
  return Math.hypot(...first.map((value, index) => value - second[index]));
}

function linear(byte) {
  const value = byte / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

function seen(colour, matrix) {
  return [0, 1, 2].map((row) => Math.max(0, colour.reduce((sum, value, column) => sum + matrix[3 * row + column] * value, 0)));
}

function oklab([r, g, b]) {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}
