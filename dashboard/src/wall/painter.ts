/** Paints cells: a colour for the value, a shape for a problem, and as much text as fits. */

import type { Node } from "../contract.ts";
import { UNKNOWN } from "../format.ts";
import { drawBadge, drawMark, hatching, markColor } from "./cell_marks.ts";
import { type CellText, cellTextFor } from "./cell_text.ts";
import type { Box } from "./grid.ts";
import { shortened } from "./node_names.ts";
import { type Palette, shadeOf } from "./palette.ts";
import type { CellMark } from "./troubled_nodes.ts";
import { shareOf, shortValue, type WallMeasure } from "./wall_measure.ts";

const FAMILY = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';

type CellSize = Pick<Box, "width" | "height">;

/** Pixels between two cells. */
export function gapOf(cell: CellSize, ratio: number): number {
  return Math.max(1, Math.round(Math.min(cell.width * 0.06, cell.height * 0.06, 6 * ratio)));
}

interface CellBackground {
  readonly fill: string | CanvasPattern;
  readonly ink: string;
  /** Whether the cell has only an edge, because its node has no value. */
  readonly isHollow: boolean;
}

/**
 * Paints cells of one size. `ratio`: pixels of the canvas per pixel of the page. `maxFontPixels`: largest font, in
 * pixels of the canvas.
 */
export class WallPainter {
  readonly #pen: CanvasRenderingContext2D;
  readonly #colors: Palette;
  readonly #gap: number;
  readonly #line: number;
  readonly #hatching: CanvasPattern | string;
  readonly #text: CellText;
  readonly #shortened = new Map<string, string>();
  readonly #widths = new Map<string, number>();
  #fontPixels = 0;

  constructor(pen: CanvasRenderingContext2D, colors: Palette, cell: CellSize, ratio: number, maxFontPixels: number) {
    this.#pen = pen;
    this.#colors = colors;
    const size = Math.min(cell.width, cell.height);
    this.#gap = gapOf(cell, ratio);
    this.#line = Math.max(1, Math.round(Math.min(size * 0.03, 3 * ratio)));
    this.#hatching = size < 12 * ratio ? colors.hollow : hatching(pen, Math.round(8 * ratio), colors);
    this.#text = cellTextFor(cell.width - this.#gap, cell.height - this.#gap, ratio, maxFontPixels);
    pen.lineJoin = "miter";
    pen.textBaseline = "alphabetic";
  }

  /** Paint one cell; `name`: short name of the node. */
  paint(box: Box, node: Node, name: string, mark: CellMark | null, measure: WallMeasure): void {
    const inner: Box = { x: box.x, y: box.y, width: box.width - this.#gap, height: box.height - this.#gap };
    const background = this.#backgroundOf(node, measure);
    this.#pen.fillStyle = background.fill;
    this.#pen.fillRect(inner.x, inner.y, inner.width, inner.height);
    if (background.isHollow) this.#strokeEdge(inner, this.#line, this.#colors.edge);
    if (mark === "critical") this.#strokeEdge(inner, this.#line * 2.5, this.#colors.bad);
    if (this.#text.mode === "full") this.#paintFull(inner, node, name, mark, measure, background.ink);
    else if (mark !== null) this.#paintMark(inner, mark);
    else if (this.#text.mode === "value") this.#paintValue(inner, node, measure, background.ink);
  }

  #backgroundOf(node: Node, measure: WallMeasure): CellBackground {
    const colors = this.#colors;
    if (node.status === "offline") return { fill: this.#hatching, ink: colors.text, isHollow: true };
    if (node.status === "unknown") return { fill: colors.hollow, ink: colors.text, isHollow: true };
    if (measure === "status") return { fill: colors.online, ink: colors.onlineInk, isHollow: false };
    const share = shareOf(node, measure);
    if (share === null) return { fill: colors.hollow, ink: colors.text, isHollow: true };
    const ramp = measure === "temperature" ? colors.warmth : colors.heat;
    const shade = shadeOf(share);
    return { fill: ramp.fills[shade] ?? colors.hollow, ink: ramp.inks[shade] ?? colors.text, isHollow: false };
  }

  #paintFull(inner: Box, node: Node, name: string, mark: CellMark | null, measure: WallMeasure, ink: string): void {
    const { room, padding, namePixels, valuePixels, minFontPixels, badgePixels } = this.#text;
    const left = inner.x + padding;
    const top = inner.y + padding;
    this.#write(this.#fit(name, room, namePixels), left, top + namePixels * 0.8, namePixels, ink);
    const bottom = inner.y + inner.height - padding;
    const value = shortValue(node, measure);
    if (node.status === "offline") {
      // The word is below the name, where the whole width is free.
      const pixels = this.#sizeIn(value, room, namePixels, minFontPixels);
      if (pixels !== null) this.#write(value, left, top + namePixels * 2.1, pixels, ink);
    } else {
      const roomOfValue = room - (mark === null ? 0 : badgePixels + padding / 2);
      const pixels = this.#sizeIn(value, roomOfValue, measure === "status" ? namePixels : valuePixels, minFontPixels);
      if (pixels !== null) this.#write(value, left, bottom, pixels, ink);
    }
    if (mark === null) return;
    const half = badgePixels / 2;
    drawBadge(this.#pen, mark, inner.x + inner.width - padding - half, bottom - half, badgePixels, this.#colors);
  }

  #paintValue(inner: Box, node: Node, measure: WallMeasure, ink: string): void {
    // The colour is enough, because all healthy cells would show the same word.
    if (measure === "status") return;
    const pixels = this.#text.valuePixels;
    const text = shortValue(node, measure);
    const middle = inner.y + inner.height / 2;
    const own = text === UNKNOWN ? this.#colors.quiet : ink;
    this.#pen.textAlign = "center";
    this.#write(text, inner.x + inner.width / 2, middle + pixels * 0.36, pixels, own);
    this.#pen.textAlign = "left";
  }

  /** Paint the mark without text, as large as the cell. */
  #paintMark(inner: Box, mark: CellMark): void {
    const size = Math.min(inner.width, inner.height);
    const [x, y] = [inner.x + inner.width / 2, inner.y + inner.height / 2];
    if (mark === "offline" || mark === "unknown") {
      drawMark(this.#pen, mark, x, y, size * 0.6, markColor(mark, this.#colors));
    } else {
      drawBadge(this.#pen, mark, x, y, size * 0.8, this.#colors);
    }
  }

  #strokeEdge(inner: Box, width: number, color: string): void {
    const pen = this.#pen;
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.strokeRect(inner.x + width / 2, inner.y + width / 2, inner.width - width, inner.height - width);
  }

  #fit(text: string, room: number, pixels: number): string {
    const key = `${pixels} ${Math.round(room)} ${text}`;
    let known = this.#shortened.get(key);
    if (known === undefined) {
      this.#setFont(pixels);
      known = shortened(text, room, (tried) => this.#pen.measureText(tried).width);
      this.#shortened.set(key, known);
    }
    return known;
  }

  /**
   * Return the font size for which `text` fits into `room`, at most `largest`; `null` if the size would be below
   * `least`.
   */
  #sizeIn(text: string, room: number, largest: number, least: number): number | null {
    const key = `${largest} ${text}`;
    let width = this.#widths.get(key);
    if (width === undefined) {
      this.#setFont(largest);
      width = this.#pen.measureText(text).width;
      this.#widths.set(key, width);
    }
    const pixels = Math.floor(largest * Math.min(1, room / width));
    return pixels < least ? null : pixels;
  }

  #write(text: string, x: number, y: number, pixels: number, ink: string): void {
    if (text === "") return;
    this.#setFont(pixels);
    this.#pen.fillStyle = ink;
    this.#pen.fillText(text, x, y);
  }

  #setFont(pixels: number): void {
    if (pixels === this.#fontPixels) return;
    this.#fontPixels = pixels;
    this.#pen.font = `600 ${pixels}px ${FAMILY}`;
  }
}
