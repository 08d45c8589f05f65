import { KINDS, type Kind } from "../kinds.js";
import type { Contents, Coverage } from "./coverage.js";
import type { Scale } from "./scale.js";

/** In CSS pixels: a square, and to the next. */
export const SQUARE = 9;
export const PITCH = 11;

/** What to draw beside the squares. */
export interface Marks {
  cursor: number | undefined;
  isFocused: boolean;
  mft: number | undefined;
}

type Colours = Record<Kind | "free" | "unknown" | "mark" | "cursor" | "cross", string>;

/** Draws all squares that are seen. */
export function draw(canvas: HTMLCanvasElement, scale: Scale, coverage: Coverage, marks: Marks): void {
  const ratio = devicePixelRatio;
  const [width, height] = [scale.columns * PITCH, scale.rows * PITCH];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  if (!context) {
    return;
  }
  context.scale(ratio, ratio);
  const colours = coloursOf(canvas, coverage.isTold);
  for (let row = 0; row < scale.rows; row += 1) {
    for (let column = 0; column < scale.columns; column += 1) {
      const lcn = scale.at(column, row);
      if (lcn === undefined) {
        break;
      }
      drawSquare(context, column * PITCH + 1, row * PITCH + 1, coverage.square(lcn, scale.perSquare), colours);
    }
  }
  const outline = (lcn: number | undefined, stroke: string, width: number) => {
    const square = lcn === undefined ? undefined : placeOf(scale, lcn);
    if (square) {
      context.strokeStyle = stroke;
      context.lineWidth = width;
      context.strokeRect(square.x - 0.5, square.y - 0.5, SQUARE + 1, SQUARE + 1);
    }
  };
  outline(marks.mft, colours.mark, 2);
  outline(marks.cursor, colours.cursor, marks.isFocused ? 3 : 2);
}

function coloursOf(canvas: HTMLCanvasElement, isTold: boolean): Colours {
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(`--map-${name}`).trim();
  const names = [...KINDS, "free", "unknown", "mark", "cursor", "cross"] as const;
  const colours = Object.fromEntries(names.map((name) => [name, colour(name)])) as Colours;
  // Before it is known whose they are, all are somebody's.
  return isTold ? { ...colours, used: colours.unknown } : colours;
}

/** A square is a bar: as full as its clusters are, in the colours of what they are. */
function drawSquare(context: CanvasRenderingContext2D, x: number, y: number, contents: Contents, colours: Colours): void {
  context.fillStyle = colours.free;
  context.fillRect(x, y, SQUARE, SQUARE);
  let bottom = y + SQUARE;
  for (const [kind, height] of bandsOf(contents)) {
    bottom -= height;
    context.fillStyle = colours[kind];
    if (kind === "missing") {
      // Stripes, so that it differs not by colour alone.
      for (let stripe = 0; stripe < SQUARE; stripe += 2) {
        context.fillRect(x + stripe, bottom, 1, height);
      }
    } else {
      context.fillRect(x, bottom, SQUARE, height);
    }
  }
  if (contents.kinds.has("bad")) {
    context.strokeStyle = colours.cross;
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(x + 1, y + 1);
    context.lineTo(x + SQUARE - 1, y + SQUARE - 1);
    context.moveTo(x + SQUARE - 1, y + 1);
    context.lineTo(x + 1, y + SQUARE - 1);
    context.stroke();
  }
}

/** How high each kind stands in a square, in pixels: what is there is seen, and what is free, too. */
function bandsOf({ clusters, kinds, free }: Contents): [Kind, number][] {
  const room = free > 0 ? SQUARE - 1 : SQUARE;
  const bands = [...kinds].map(([kind, count]): [Kind, number] => [kind, Math.max(1, Math.round((SQUARE * count) / clusters))]);
  const tallest = () => bands.reduce((most, band) => (band[1] > most[1] ? band : most));
  let height = bands.reduce((sum, [, height]) => sum + height, 0);
  for (; bands.length > 0 && (height > room || (free <= 0 && height < room)); ) {
    const step = height > room ? -1 : 1;
    tallest()[1] += step;
    height += step;
  }
  return bands;
}

function placeOf(scale: Scale, lcn: number): { x: number; y: number } | undefined {
  const square = Math.floor((scale.squareOf(lcn) - scale.first) / scale.perSquare);
  const row = Math.floor(square / scale.columns);
  return square >= 0 && row < scale.rows ? { x: (square % scale.columns) * PITCH + 1, y: row * PITCH + 1 } : undefined;
}
