/** A chart with a line for each of some nodes, and their names at the ends of the lines, drawn by uPlot. */

import uPlot from "uplot";
import { attribute, write } from "../fields.ts";
import { color, onThemeChange } from "../theme.ts";
import { sharedDomain, shortened } from "../wall/node_names.ts";
import { wording } from "../wording.ts";
import { axisOf } from "./chart_data.ts";
import { type Lines, lastKnown, lineStyle, placeLabels } from "./compare_data.ts";
import { DragZoom } from "./drag.ts";
import { drawMarks, marksNear, NEAR_PIXELS, type TimedMark } from "./mark_lines.ts";
import { markLines } from "./mark_texts.ts";
import type { MeasureStyle } from "./measure_styles.ts";
import { axesOf, FONT_OF_AXIS, paragraph, SHARED_CURSOR, widthOf } from "./plot_parts.ts";
import { bounds } from "./scale.ts";
import type { Span, ZoomTarget } from "./span.ts";
import { timeLabel } from "./time_labels.ts";

const HEIGHT_PIXELS = 280;
/** Distance between two names, from line to line. */
const NAME_PIXELS = 14;
/** Between the end of a line and its name. */
const GAP_PIXELS = 10;
const MAX_NAME_PIXELS = 150;
/** Maximum share of the chart for the names. */
const MAX_NAMES_SHARE = 0.3;

/** A line of the chart; `slot`: place of its colour. */
export interface ComparedNode {
  readonly name: string;
  readonly slot: number;
}

export interface CompareChartOptions extends MeasureStyle {
  /** Name of the measure, for readers. */
  readonly name: string;
  readonly nodes: readonly ComparedNode[];
  readonly rangeSeconds: number;
  readonly zoom: ZoomTarget;
}

export interface CompareChartData {
  readonly lines: Lines;
  readonly fromSeconds: number | null;
  readonly span: Span | null;
  readonly marks: readonly TimedMark[];
  readonly isLoaded: boolean;
}

/** `start()` draws into `container` until `stop()`. */
export class CompareChart {
  readonly #container: HTMLElement;
  readonly #options: CompareChartOptions;
  /** Names without the domain that all nodes share. */
  readonly #names: readonly string[];
  readonly #resize = new ResizeObserver(() => this.#fit());
  readonly #tooltip = paragraph("chart-tip");
  readonly #emptyText = paragraph("chart-lack");
  #plot: uPlot | null = null;
  #drag: DragZoom | null = null;
  #pointedAt: number | null = null;
  #unlisten: () => void = () => undefined;
  #data: CompareChartData = {
    lines: { x: [], values: [] },
    fromSeconds: null,
    span: null,
    marks: [],
    isLoaded: false,
  };

  constructor(container: HTMLElement, options: CompareChartOptions) {
    this.#container = container;
    this.#options = options;
    const names = options.nodes.map(({ name }) => name);
    const domain = sharedDomain(names).length;
    this.#names = names.map((name) => name.slice(0, name.length - domain));
  }

  start(): void {
    this.#plot ??= this.#create();
    this.#drag = new DragZoom(this.#plot, this.#options.zoom);
    this.#drag.start();
    this.#resize.observe(this.#container);
    this.#unlisten = onThemeChange(() => this.#plot?.redraw());
    this.#container.setAttribute("role", "img");
    this.#container.append(this.#emptyText, this.#tooltip);
    this.#draw();
  }

  stop(): void {
    this.#unlisten();
    this.#drag?.stop();
    this.#resize.disconnect();
    this.#tooltip.remove();
    this.#emptyText.remove();
    this.#plot?.destroy();
    this.#plot = null;
  }

  show(data: CompareChartData): void {
    this.#data = data;
    this.#draw();
  }

  /** Emphasize the event at a moment in Unix seconds; `null`: none. */
  pointAt(seconds: number | null): void {
    if (seconds === this.#pointedAt) return;
    this.#pointedAt = seconds;
    this.#plot?.redraw(false);
  }

  #draw(): void {
    if (this.#plot === null) return;
    const { lines, isLoaded, marks } = this.#data;
    const values = this.#options.nodes.map((_, index) => [...(lines.values[index] ?? lines.x.map(() => null))]);
    this.#plot.setData([[...lines.x], ...values]);
    this.#writeTooltip();
    const hasData = values.some((each) => lastKnown(each) !== null);
    this.#emptyText.hidden = hasData || !isLoaded;
    write(this.#emptyText, wording.noHistory);
    const parts = this.#options.nodes.map(
      ({ name }, index) => `${name} ${this.#options.formatNow(lastKnown(values[index] ?? []))}`,
    );
    if (marks.length > 0) parts.push(wording.eventsShown(marks.length));
    attribute(this.#container, "aria-label", wording.compareSummary(this.#options.name, parts));
  }

  /** Write the values at the cursor, the highest first, and the events there. */
  #writeTooltip(): void {
    const { idx, left } = this.#plot?.cursor ?? {};
    const { x, values } = this.#data.lines;
    const at = idx == null ? undefined : x[idx];
    this.#tooltip.hidden = this.#plot === null || idx == null || left === undefined || left < 0 || at === undefined;
    if (this.#tooltip.hidden || this.#plot === null || idx == null || left === undefined || at === undefined) return;
    const step = (x[1] ?? 0) - (x[0] ?? 0);
    const known = this.#names.map((name, index) => ({ name, value: values[index]?.[idx] ?? null }));
    known.sort((a, b) => (b.value ?? Number.NEGATIVE_INFINITY) - (a.value ?? Number.NEGATIVE_INFINITY));
    const now = this.#plot.posToVal(left, "x");
    const tolerance = Math.abs(this.#plot.posToVal(left + NEAR_PIXELS, "x") - now);
    const lines = [
      timeLabel(at, this.#options.rangeSeconds, step),
      ...known.map(({ name, value }) => `${name} ${this.#options.formatNow(value)}`),
      ...markLines(marksNear(this.#data.marks, now, tolerance), this.#options.rangeSeconds),
    ];
    write(this.#tooltip, lines.join("\n"));
    this.#tooltip.classList.toggle("at-start", left > this.#plot.over.clientWidth / 2);
  }

  #fit(): void {
    const width = this.#container.clientWidth;
    if (width > 0 && this.#plot !== null && this.#plot.width !== width)
      this.#plot.setSize({ width, height: HEIGHT_PIXELS });
  }

  /** Width of the names, in CSS pixels. */
  #namesWidth(plot: uPlot): number {
    const widest = Math.max(0, ...this.#names.map((name) => widthOf(name, plot.ctx)));
    return Math.ceil(Math.min(widest, MAX_NAME_PIXELS, plot.width * MAX_NAMES_SHARE));
  }

  #create(): uPlot {
    const { format, nodes, rangeSeconds, scale } = this.#options;
    return new uPlot(
      {
        width: Math.max(1, this.#container.clientWidth),
        height: HEIGHT_PIXELS,
        legend: { show: false },
        padding: [8, (plot) => this.#namesWidth(plot) + GAP_PIXELS + 4, 0, 0],
        cursor: SHARED_CURSOR,
        scales: {
          x: { time: true, range: (_plot, _low, high) => axisOf(this.#data, high, rangeSeconds) },
          y: { range: (_plot, low, high) => bounds(scale, low, high) },
        },
        axes: axesOf(
          true,
          () => rangeSeconds,
          format,
          () => undefined,
        ),
        series: [
          {},
          ...nodes.map(({ slot }): uPlot.Series => {
            const style = lineStyle(slot);
            return {
              stroke: () => color(style.color),
              width: 1.8,
              dash: [...style.dash],
              points: { show: (_plot, _series, first, last) => last - first < 1 },
            };
          }),
        ],
        hooks: {
          setCursor: [() => this.#writeTooltip()],
          draw: [
            (plot) => {
              drawMarks(plot, this.#data.marks, this.#pointedAt);
              this.#drawNames(plot);
            },
          ],
        },
      },
      [[], ...nodes.map(() => [])] as uPlot.AlignedData,
      this.#container,
    );
  }

  /** Write each name beside the end of its line. A line that ends earlier is joined to its name. */
  #drawNames(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const ratio = uPlot.pxRatio;
    const room = this.#namesWidth(plot) * ratio;
    const ends = this.#options.nodes.flatMap(({ slot }, index) => {
      const value = lastKnown(this.#data.lines.values[index] ?? []);
      if (value === null) return [];
      return [{ slot, name: this.#names[index] ?? "", y: plot.valToPos(value, "y", true) - bbox.top }];
    });
    const places = placeLabels(
      ends.map(({ y }) => y),
      bbox.height,
      NAME_PIXELS * ratio,
    );
    ctx.save();
    ctx.font = `${11 * ratio}px ${FONT_OF_AXIS.replace(/^\S+ /, "")}`;
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    ctx.lineWidth = ratio;
    const right = bbox.left + bbox.width;
    for (const [index, { slot, name, y }] of ends.entries()) {
      const place = bbox.top + (places[index] ?? 0);
      ctx.strokeStyle = color(lineStyle(slot).color);
      ctx.fillStyle = ctx.strokeStyle;
      ctx.beginPath();
      ctx.moveTo(right, bbox.top + Math.min(bbox.height, Math.max(0, y)));
      ctx.lineTo(right + (GAP_PIXELS - 2) * ratio, place);
      ctx.stroke();
      const fitting = shortened(name, room, (tried) => ctx.measureText(tried).width);
      ctx.fillText(fitting, right + GAP_PIXELS * ratio, place);
    }
    ctx.restore();
  }
}
