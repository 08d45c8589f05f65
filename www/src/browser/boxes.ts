import { hierarchy, treemap, treemapSquarify } from "d3-hierarchy";
import type { Entry, Listed } from "../messages.js";

/** In pixels. */
const GAP = 2;

/** What a box stands for: one entry, or all the smaller ones together. */
export interface Box {
  entry: Entry | undefined;
  /** How many it stands for. */
  entries: number;
  room: number;
  left: number;
  top: number;
  width: number;
  height: number;
}

interface Part {
  entry: Entry | undefined;
  entries: number;
  room: number;
  parts?: Part[];
}

/** Lays out the largest entries of a folder, each as large as its share of the room, and all others as one. */
export function boxes({ largest, length, room: all }: Listed, width: number, height: number): Box[] {
  const shown = largest.filter(({ room }) => room > 0);
  const parts: Part[] = shown.map((entry) => ({ entry, entries: 1, room: entry.room }));
  const rest = all - shown.reduce((sum, { room }) => sum + room, 0);
  if (rest > 0) {
    parts.push({ entry: undefined, entries: length - shown.length, room: rest });
  }
  const whole: Part = { entry: undefined, entries: 0, room: 0, parts };
  const root = hierarchy(whole, ({ parts }) => parts).sum(({ room, parts }) => (parts ? 0 : room));
  const laidOut = treemap<Part>().tile(treemapSquarify).size([width, height]).paddingInner(GAP).round(true)(root);
  return (laidOut.children ?? []).map(({ data, x0, y0, x1, y1 }) => ({
    entry: data.entry,
    entries: data.entries,
    room: data.room,
    left: x0,
    top: y0,
    width: x1 - x0,
    height: y1 - y0,
  }));
}
