/** Events in a chart: a thin line at the moment, and a shape for the kind, so that no kind depends on its colour. */

import uPlot from "uplot";
import type { Mark } from "../contract.ts";
import { color } from "../theme.ts";

/** An event with its moment in Unix seconds. */
export interface TimedMark {
  readonly at: number;
  readonly mark: Mark;
}

const SIZE_PIXELS = 9;
/** An event is under the cursor up to this distance. */
export const NEAR_PIXELS = 7;
const COLOR_OF_SEVERITY = { critical: "--bad", warning: "--warn", info: "--accent" } as const;

/** Draw the events. `pointedAt`: moment of the emphasized event in Unix seconds. */
export function drawMarks(plot: uPlot, marks: readonly TimedMark[], pointedAt: number | null): void {
  const { ctx, bbox, scales } = plot;
  const { min, max } = scales["x"] ?? {};
  if (min == null || max == null) return;
  ctx.save();
  for (const { at, mark } of marks) {
    if (at < min || at > max) continue;
    const x = Math.round(plot.valToPos(at, "x", true)) + 0.5;
    const own = color(mark.severity === null ? "--text" : COLOR_OF_SEVERITY[mark.severity]);
    const isPointedAt = at === pointedAt;
    ctx.strokeStyle = own;
    ctx.fillStyle = own;
    ctx.lineWidth = (isPointedAt ? 3 : 1) * uPlot.pxRatio;
    ctx.globalAlpha = isPointedAt ? 1 : 0.45;
    ctx.setLineDash(mark.kind === "alert_began" || isPointedAt ? [] : [2 * uPlot.pxRatio, 3 * uPlot.pxRatio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.globalAlpha = 1;
    ctx.setLineDash([]);
    drawShape(ctx, mark.kind, x, bbox.top + (SIZE_PIXELS / 2) * uPlot.pxRatio, SIZE_PIXELS * uPlot.pxRatio);
  }
  ctx.restore();
}

/**
 * Draw the shape of a kind: a full triangle where an alert begins and an empty one where it ends, a cross where the
 * node goes, a ring where it comes, and a diamond for a reboot.
 */
function drawShape(ctx: CanvasRenderingContext2D, kind: string, x: number, y: number, size: number): void {
  const half = size / 2;
  ctx.lineWidth = size * 0.18;
  ctx.beginPath();
  if (kind === "alert_began" || kind === "alert_ended") {
    ctx.moveTo(x - half, y - half);
    ctx.lineTo(x + half, y - half);
    ctx.lineTo(x, y + half);
    ctx.closePath();
  } else if (kind === "offline") {
    ctx.moveTo(x - half, y - half);
    ctx.lineTo(x + half, y + half);
    ctx.moveTo(x + half, y - half);
    ctx.lineTo(x - half, y + half);
  } else if (kind === "reboot") {
    ctx.moveTo(x, y - half);
    ctx.lineTo(x + half, y);
    ctx.lineTo(x, y + half);
    ctx.lineTo(x - half, y);
    ctx.closePath();
  } else {
    ctx.arc(x, y, half * 0.8, 0, 2 * Math.PI);
  }
  if (kind === "alert_began" || kind === "reboot") ctx.fill();
  else ctx.stroke();
}

/** Return the events within `toleranceSeconds` of a moment, the nearest first. */
export function marksNear(marks: readonly TimedMark[], atSeconds: number, toleranceSeconds: number): TimedMark[] {
  const distance = ({ at }: TimedMark): number => Math.abs(at - atSeconds);
  return marks.filter((mark) => distance(mark) <= toleranceSeconds).sort((a, b) => distance(a) - distance(b));
}
