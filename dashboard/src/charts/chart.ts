/** A line chart over time with the range of the values, drawn by uPlot. */

import uPlot from "uplot";
import { attribute, write } from "../fields.ts";
import { color, onThemeChange } from "../theme.ts";
import { wording } from "../wording.ts";
import { axisStart, type ChartData, dataStartOf, EMPTY_CHART, isMedian, stepOf } from "./chart_data.ts";
import { bounds, type Scale } from "./scale.ts";
import type { Threshold } from "./thresholds.ts";
import { axisLabel, dataStartLabel } from "./time_labels.ts";
import { tooltipOf } from "./tooltip.ts";

/** Charts with the same key share their cursor. */
const SYNC_KEY = "time";
const HEIGHT_OF_AXIS = 26;
/** Lower charts have no time labels, because their neighbours show the same times. */
const HEIGHT_WITH_TIMES = 100;
const FONT_OF_AXIS = "11px system-ui, sans-serif";
/** Minimum padding after the last moment. Half of a wide time label needs more. */
const MIN_PADDING_AT_END = 22;
/** Minimum empty share of a small chart that shows the note about when its data begins. */
const MIN_EMPTY_SHARE = 0.6;
const COLOR_OF_SEVERITY = { critical: "--bad", warning: "--warn", info: "--accent" } as const;

export interface ChartOptions {
  /** Name of the line, for readers. */
  readonly name: string;
  /** Text of a value, with its unit. */
  readonly format: (value: number | null) => string;
  /** Text of the current value, in the same form as elsewhere on the page. */
  readonly formatNow: (value: number | null) => string;
  /** CSS custom property of the line's colour. */
  readonly color: string;
  readonly scale: Scale;
  /** Whether the chart shows all nodes: quantiles of their values, or the average where quantiles are unknown. */
  readonly isCluster: boolean;
  readonly heightPixels: number;
  readonly rangeSeconds: number;
}

/**
 * `start()` draws into `container` until `stop()`. `readout` shows the current value. The values at the cursor appear
 * above the chart, on the side without the cursor, so that nothing moves.
 */
export class Chart {
  readonly #container: HTMLElement;
  readonly #readout: HTMLElement;
  readonly #options: ChartOptions;
  readonly #resize = new ResizeObserver(() => this.#fit());
  #plot: uPlot | null = null;
  #data: ChartData = EMPTY_CHART;
  readonly #tooltip = paragraph("chart-tip");
  readonly #note = paragraph("chart-note");
  readonly #emptyText = paragraph("chart-lack");
  #unlisten: () => void = () => undefined;

  constructor(container: HTMLElement, readout: HTMLElement, options: ChartOptions) {
    this.#container = container;
    this.#readout = readout;
    this.#options = options;
  }

  start(): void {
    this.#plot ??= this.#create();
    this.#resize.observe(this.#container);
    this.#unlisten = onThemeChange(() => this.#plot?.redraw());
    this.#container.setAttribute("role", "img");
    this.#container.append(this.#note, this.#emptyText, this.#tooltip);
    this.#draw();
  }

  stop(): void {
    this.#unlisten();
    this.#resize.disconnect();
    for (const element of [this.#tooltip, this.#note, this.#emptyText]) element.remove();
    this.#plot?.destroy();
    this.#plot = null;
  }

  show(data: ChartData): void {
    this.#data = data;
    this.#draw();
  }

  #draw(): void {
    if (this.#plot === null) return;
    const { x, min, avg, max } = this.#data.columns;
    if (this.#options.isCluster) {
      const quantiles = this.#data.quantiles;
      const averageOnly = avg.map((value, index) => (quantiles?.median[index] == null ? value : null));
      const quantileColumns = quantiles ?? { high: averageOnly.map(() => null), low: [], median: [], max: [] };
      this.#plot.setData([
        x,
        [...quantileColumns.high],
        [...quantileColumns.low],
        [...quantileColumns.median],
        [...quantileColumns.max],
        averageOnly,
      ]);
    } else {
      this.#plot.setData([x, max, min, avg]);
    }
    this.#writeTexts();
  }

  /** Write the current value, the values at the cursor, and a summary for screen readers. */
  #writeTexts(): void {
    const { formatNow } = this.#options;
    const { columns, now, emptyReason } = this.#data;
    const value = now === undefined ? (columns.avg.at(-1) ?? null) : now;
    // The last round has only the average of the nodes.
    write(this.#readout, isMedian(this.#data) ? wording.averageNow(formatNow(value)) : formatNow(value));
    this.#writeTooltip();
    if (!this.#tooltip.hidden) return;
    const note = this.#writeNote();
    this.#emptyText.hidden = emptyReason === null;
    write(this.#emptyText, emptyReason ?? "");
    attribute(this.#container, "aria-label", this.#summary(value, note));
  }

  #summary(value: number | null, note: string): string {
    const { format, name } = this.#options;
    const { columns, quantiles, threshold, emptyReason } = this.#data;
    const isKnown = (each: number | null): each is number => each !== null;
    const lows = columns.min.filter(isKnown);
    if (lows.length === 0) return `${name}: ${emptyReason ?? wording.noHistory}`;
    const highs = [...columns.max, ...(quantiles?.max ?? [])].filter(isKnown);
    const now = isMedian(this.#data) ? wording.averageOfNodes(format(value)) : format(value);
    const parts = [wording.chartSummary(name, format(Math.min(...lows)), format(Math.max(...highs)), now)];
    if (threshold !== null) parts.push(wording.thresholdAt(format(threshold.value)));
    if (note !== "") parts.push(note);
    return parts.join(". ");
  }

  /** Write when the data begins. A small chart shows this note only if there is empty room for it. */
  #writeNote(): string {
    const { heightPixels, rangeSeconds } = this.#options;
    const end = this.#data.columns.x.at(-1) ?? 0;
    const { dataSeconds, quantilesSeconds } = dataStartOf(this.#data, end - rangeSeconds);
    const step = stepOf(this.#data.columns);
    const label = (seconds: number): string => dataStartLabel(seconds, rangeSeconds, step, end);
    const notes = dataSeconds === null ? [] : [wording.dataSince(label(dataSeconds))];
    if (quantilesSeconds === "never") notes.push(wording.averageOnly);
    else if (quantilesSeconds !== null) notes.push(wording.averageOnlyBefore(label(quantilesSeconds)));
    const note = notes.join(" · ");
    const begin = axisStart(this.#data.fromSeconds, end, rangeSeconds);
    const hasRoom = heightPixels >= HEIGHT_WITH_TIMES || ((dataSeconds ?? 0) - begin) / (end - begin) > MIN_EMPTY_SHARE;
    this.#note.hidden = note === "" || !hasRoom;
    write(this.#note, note);
    attribute(this.#note, "title", note);
    return note;
  }

  #writeTooltip(): void {
    const { idx, left } = this.#plot?.cursor ?? {};
    const isOverData = idx != null && left !== undefined && left >= 0 && idx < this.#data.columns.x.length;
    this.#tooltip.hidden = !isOverData;
    if (!isOverData) return;
    write(this.#tooltip, tooltipOf(this.#data, idx, this.#options, this.#options.heightPixels < HEIGHT_WITH_TIMES));
    this.#tooltip.classList.toggle("at-start", left > (this.#plot?.over.clientWidth ?? 0) / 2);
  }

  #fit(): void {
    const width = this.#container.clientWidth;
    if (width > 0 && this.#plot !== null && this.#plot.width !== width) {
      this.#plot.setSize({ width, height: this.#options.heightPixels });
    }
  }

  #create(): uPlot {
    const { format, heightPixels, isCluster, rangeSeconds, scale } = this.#options;
    const hasTimes = heightPixels >= HEIGHT_WITH_TIMES;
    const axis: uPlot.Axis = {
      stroke: () => color("--quiet"),
      grid: { stroke: () => color("--line"), width: 1 },
      ticks: { show: false },
      font: FONT_OF_AXIS,
    };
    const edge: uPlot.Series = { stroke: "transparent", width: 0, points: { show: false } };
    const line: uPlot.Series = {
      stroke: () => color(this.#options.color),
      width: 1.6,
      points: { show: (_plot, _series, first, last) => last - first < 1 },
    };
    const thin: uPlot.Series = { ...line, width: 1, points: { show: false } };
    // uPlot requests the labels before the padding.
    let paddingAtEnd = MIN_PADDING_AT_END;
    return new uPlot(
      {
        width: Math.max(1, this.#container.clientWidth),
        height: heightPixels,
        legend: { show: false },
        padding: [8, hasTimes ? () => paddingAtEnd : 4, hasTimes ? 0 : 4, 0],
        cursor: { y: false, drag: { x: false, y: false }, sync: { key: SYNC_KEY }, points: { size: 6 } },
        scales: {
          x: {
            time: true,
            // The whole range if the reader chose it; otherwise from the beginning of the data.
            range: (_plot, _low, high) =>
              high === null ? [0, 1] : [axisStart(this.#data.fromSeconds, high, rangeSeconds), high],
          },
          y: { range: (_plot, low, high) => bounds(scale, low, high) },
        },
        axes: [
          {
            ...axis,
            show: hasTimes,
            size: HEIGHT_OF_AXIS,
            space: 70,
            values: ({ ctx }, splits, _axis, _space, stepSeconds) => {
              const labels = splits.map((at) => axisLabel(at, rangeSeconds, stepSeconds));
              paddingAtEnd = Math.max(MIN_PADDING_AT_END, ...labels.map((label) => Math.ceil(widthOf(label, ctx) / 2)));
              return labels;
            },
          },
          {
            ...axis,
            size: hasTimes ? 62 : 56,
            space: 30,
            values: (_plot, splits) => splits.map((value) => format(value)),
          },
        ],
        series: isCluster
          ? [{}, edge, edge, line, { ...thin, dash: [2, 3] }, { ...line, dash: [5, 4] }]
          : [{}, edge, edge, line],
        bands: [{ series: [1, 2], fill: () => translucent(color(this.#options.color)) }],
        hooks: {
          setCursor: [() => this.#writeTexts()],
          draw: [(plot) => this.#data.threshold !== null && drawThreshold(plot, this.#data.threshold)],
        },
      },
      isCluster ? [[], [], [], [], [], []] : [[], [], [], []],
      this.#container,
    );
  }
}

/** Width of an axis label, in CSS pixels. */
function widthOf(label: string, context: CanvasRenderingContext2D): number {
  context.save();
  context.font = FONT_OF_AXIS;
  const { width } = context.measureText(label);
  context.restore();
  return width;
}

/** Draw a horizontal line at the threshold of an alert rule. */
function drawThreshold(plot: uPlot, { value, severity }: Threshold): void {
  const { ctx, bbox, scales } = plot;
  if (value < (scales["y"]?.min ?? Number.POSITIVE_INFINITY) || value > (scales["y"]?.max ?? Number.NEGATIVE_INFINITY))
    return;
  const y = Math.round(plot.valToPos(value, "y", true)) + 0.5;
  ctx.save();
  ctx.strokeStyle = color(COLOR_OF_SEVERITY[severity]);
  ctx.lineWidth = uPlot.pxRatio;
  ctx.setLineDash([6 * uPlot.pxRatio, 4 * uPlot.pxRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

function paragraph(name: string): HTMLParagraphElement {
  const element = document.createElement("p");
  element.className = name;
  element.hidden = true;
  return element;
}

function translucent(rgb: string): string {
  return rgb.replace("rgb(", "rgba(").replace(")", ", 0.18)");
}
