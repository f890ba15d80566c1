/** Parts that all charts over time share: axes, cursor, and small elements. */

import uPlot from "uplot";
import { color } from "../theme.ts";
import { axisLabel } from "./time_labels.ts";

/** Charts with the same key share their cursor. */
const SYNC_KEY = "time";
const HEIGHT_OF_AXIS = 26;
/** Lower charts have no time labels, because their neighbours show the same times. */
export const HEIGHT_WITH_TIMES = 100;
export const FONT_OF_AXIS = "11px system-ui, sans-serif";
/** Minimum padding after the last moment. Half of a wide time label needs more. */
export const MIN_PADDING_AT_END = 22;

/** A cursor that moves in all charts of the page. Dragging is not uPlot's, which ignores touch. */
export const SHARED_CURSOR: uPlot.Cursor = {
  y: false,
  drag: { x: false, y: false },
  sync: { key: SYNC_KEY },
  points: { size: 6 },
  // uPlot would hide the selection while a button is down.
  bind: { dblclick: () => null, mousedown: () => null, mouseup: () => null },
};

/** Return both axes. `onLabels` receives half of the width of the widest time label. */
export function axesOf(
  hasTimes: boolean,
  rangeSeconds: () => number,
  format: (value: number | null) => string,
  onLabels: (halfWidth: number) => void,
): uPlot.Axis[] {
  const axis: uPlot.Axis = {
    stroke: () => color("--quiet"),
    grid: { stroke: () => color("--line"), width: 1 },
    ticks: { show: false },
    font: FONT_OF_AXIS,
  };
  return [
    {
      ...axis,
      show: hasTimes,
      size: HEIGHT_OF_AXIS,
      space: 70,
      values: ({ ctx }, splits, _axis, _space, stepSeconds) => {
        const labels = splits.map((at) => axisLabel(at, rangeSeconds(), stepSeconds));
        onLabels(Math.max(0, ...labels.map((label) => Math.ceil(widthOf(label, ctx) / 2))));
        return labels;
      },
    },
    { ...axis, size: hasTimes ? 62 : 56, space: 30, values: (_plot, splits) => splits.map((value) => format(value)) },
  ];
}

/** Width of a label in the font of the axes, in CSS pixels. */
export function widthOf(label: string, context: CanvasRenderingContext2D): number {
  context.save();
  context.font = FONT_OF_AXIS;
  const { width } = context.measureText(label);
  context.restore();
  return width;
}

/** Draw a horizontal line at `value`, if the axis shows the value. */
export function drawLevel(plot: uPlot, value: number, stroke: string): void {
  const { ctx, bbox, scales } = plot;
  if (value < (scales["y"]?.min ?? Number.POSITIVE_INFINITY) || value > (scales["y"]?.max ?? Number.NEGATIVE_INFINITY))
    return;
  const y = Math.round(plot.valToPos(value, "y", true)) + 0.5;
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.lineWidth = uPlot.pxRatio;
  ctx.setLineDash([6 * uPlot.pxRatio, 4 * uPlot.pxRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

/** A hidden paragraph over a chart. */
export function paragraph(name: string): HTMLParagraphElement {
  const element = document.createElement("p");
  element.className = name;
  element.hidden = true;
  return element;
}

export function translucent(rgb: string): string {
  return rgb.replace("rgb(", "rgba(").replace(")", ", 0.18)");
}
