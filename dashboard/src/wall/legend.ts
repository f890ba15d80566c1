/** The legend of the wall's colours and shapes. */

import { asIs, Fields } from "../fields.ts";
import { color, onThemeChange } from "../theme.ts";
import { drawBadge, drawMark, hatching, markColor } from "./cell_marks.ts";
import { type Palette, paletteOf } from "./palette.ts";
import type { CellMark } from "./troubled_nodes.ts";
import { scaleText, type WallMeasure } from "./wall_measure.ts";

/** Canvas pixels of a sample: twice its size on the page, for high-resolution screens. */
const SIZE = 40;

/** Draws the elements with `data-sample` in the same way as the cells. */
export class WallLegend {
  readonly #fields: Fields;
  readonly #samples: readonly HTMLCanvasElement[];
  #unlisten: () => void = () => undefined;

  constructor(root: HTMLElement) {
    this.#fields = new Fields(root);
    this.#samples = [...root.querySelectorAll<HTMLCanvasElement>("canvas[data-sample]")];
  }

  start(): void {
    this.#draw();
    this.#unlisten = onThemeChange(() => this.#draw());
  }

  stop(): void {
    this.#unlisten();
  }

  show(measure: WallMeasure): void {
    this.#fields.setData("measure", measure);
    this.#fields.show("low", scaleText(measure, "low"), asIs);
    this.#fields.show("high", scaleText(measure, "high"), asIs);
  }

  #draw(): void {
    const colors = paletteOf(color);
    for (const canvas of this.#samples) {
      canvas.width = SIZE;
      canvas.height = SIZE;
      const pen = canvas.getContext("2d");
      if (pen !== null) drawSample(pen, canvas.dataset["sample"] as CellMark | "online", colors);
    }
  }
}

function drawSample(pen: CanvasRenderingContext2D, sample: CellMark | "online", colors: Palette): void {
  const isHollow = sample === "offline" || sample === "unknown";
  pen.fillStyle = sample === "offline" ? hatching(pen, SIZE / 4, colors) : isHollow ? colors.hollow : colors.online;
  pen.fillRect(0, 0, SIZE, SIZE);
  if (isHollow || sample === "critical") {
    const width = sample === "critical" ? 5 : 2;
    pen.strokeStyle = sample === "critical" ? colors.bad : colors.edge;
    pen.lineWidth = width;
    pen.strokeRect(width / 2, width / 2, SIZE - width, SIZE - width);
  }
  if (isHollow) drawMark(pen, sample, SIZE / 2, SIZE / 2, SIZE * 0.6, markColor(sample, colors));
  else if (sample !== "online") drawBadge(pen, sample, SIZE / 2, SIZE / 2, SIZE * 0.7, colors);
}
