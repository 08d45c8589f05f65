import type { Coverage } from "./coverage.js";
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
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(`--map-${name}`).trim();
  const [used, free, missing, mark, cursor] = ["used", "free", "missing", "mark", "cursor"].map(colour) as [string, string, string, string, string];
  const { perSquare } = scale;
  const outline = (lcn: number | undefined, stroke: string, width: number) => {
    const square = lcn === undefined ? undefined : placeOf(scale, lcn);
    if (square) {
      context.strokeStyle = stroke;
      context.lineWidth = width;
      context.strokeRect(square.x - 0.5, square.y - 0.5, SQUARE + 1, SQUARE + 1);
    }
  };
  for (let row = 0; row < scale.rows; row += 1) {
    for (let column = 0; column < scale.columns; column += 1) {
      const lcn = scale.at(column, row);
      if (lcn === undefined) {
        break;
      }
      const [x, y] = [column * PITCH + 1, row * PITCH + 1];
      const share = coverage.share(lcn, lcn + perSquare);
      context.globalAlpha = 1;
      context.fillStyle = free;
      context.fillRect(x, y, SQUARE, SQUARE);
      if (share.used > 0) {
        context.globalAlpha = 0.25 + 0.75 * share.used;
        context.fillStyle = used;
        context.fillRect(x, y, SQUARE, SQUARE);
      }
      if (share.missing > 0) {
        // From below, so that it differs from what is used not by colour alone.
        const part = Math.max(2, Math.round(share.missing * SQUARE));
        context.globalAlpha = 1;
        context.fillStyle = missing;
        context.beginPath();
        context.moveTo(x, y + SQUARE - part);
        context.lineTo(x, y + SQUARE);
        context.lineTo(x + SQUARE, y + SQUARE);
        if (part === SQUARE) {
          context.lineTo(x + SQUARE, y + SQUARE - 3);
          context.lineTo(x + 3, y);
          context.lineTo(x, y);
        }
        context.fill();
      }
    }
  }
  context.globalAlpha = 1;
  outline(marks.mft, mark, 2);
  outline(marks.cursor, cursor, marks.isFocused ? 3 : 2);
}

function placeOf(scale: Scale, lcn: number): { x: number; y: number } | undefined {
  const square = Math.floor((scale.squareOf(lcn) - scale.first) / scale.perSquare);
  const row = Math.floor(square / scale.columns);
  return square >= 0 && row < scale.rows ? { x: (square % scale.columns) * PITCH + 1, y: row * PITCH + 1 } : undefined;
}
