/** Shapes that mark problems without colour, drawn within a square. Statuses on other pages use the same shapes. */

import type { Palette } from "./palette.ts";
import type { CellMark } from "./troubled_nodes.ts";

/** Draw a badge of `size` around a point. The background of the badge contrasts with any colour. */
export function drawBadge(
  pen: CanvasRenderingContext2D,
  mark: CellMark,
  x: number,
  y: number,
  size: number,
  colors: Palette,
): void {
  pen.fillStyle = mark === "critical" ? colors.bad : colors.surface;
  pen.fillRect(Math.round(x - size / 2), Math.round(y - size / 2), Math.round(size), Math.round(size));
  drawMark(pen, mark, x, y, size * 0.72, mark === "critical" ? colors.surface : markColor(mark, colors));
}

/** Draw the shape without a background. */
export function drawMark(
  pen: CanvasRenderingContext2D,
  mark: CellMark,
  x: number,
  y: number,
  size: number,
  color: string,
): void {
  const half = size / 2;
  pen.strokeStyle = color;
  pen.fillStyle = color;
  pen.beginPath();
  if (mark === "offline" || mark === "critical") {
    pen.lineWidth = Math.max(1, size * 0.2);
    pen.moveTo(x - half, y - half);
    pen.lineTo(x + half, y + half);
    pen.moveTo(x + half, y - half);
    pen.lineTo(x - half, y + half);
    pen.stroke();
  } else if (mark === "warning") {
    pen.moveTo(x, y - half);
    pen.lineTo(x + half, y + half);
    pen.lineTo(x - half, y + half);
    pen.fill();
  } else if (mark === "info") {
    pen.rect(x - half * 0.7, y - half * 0.7, size * 0.7, size * 0.7);
    pen.fill();
  } else {
    pen.lineWidth = Math.max(1, size * 0.16);
    pen.arc(x, y, Math.max(0, half - pen.lineWidth / 2), 0, 2 * Math.PI);
    pen.stroke();
  }
}

export function markColor(mark: CellMark, colors: Palette): string {
  if (mark === "critical") return colors.bad;
  // The shape shows that the node is offline. Its alert shows the severity.
  if (mark === "offline") return colors.text;
  if (mark === "warning") return colors.warn;
  return mark === "info" ? colors.info : colors.quiet;
}

/** Return diagonal lines as a fill for missing data; `period` in pixels. */
export function hatching(pen: CanvasRenderingContext2D, period: number, colors: Palette): CanvasPattern | string {
  const tile = document.createElement("canvas");
  tile.width = period;
  tile.height = period;
  const brush = tile.getContext("2d");
  if (brush === null) return colors.hollow;
  brush.fillStyle = colors.hollow;
  brush.fillRect(0, 0, period, period);
  brush.strokeStyle = colors.edge;
  brush.lineWidth = Math.max(1, period / 8);
  // Three lines, so that the corners of the tile continue in its neighbours.
  for (const shift of [-period, 0, period]) {
    brush.beginPath();
    brush.moveTo(shift, period);
    brush.lineTo(shift + period, 0);
    brush.stroke();
  }
  return pen.createPattern(tile, "repeat") ?? colors.hollow;
}
