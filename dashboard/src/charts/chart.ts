/** A line chart over time with the range of the values, drawn by uPlot. */

import uPlot from "uplot";
import { attribute, write } from "../fields.ts";
import { color, onThemeChange } from "../theme.ts";
import { wording } from "../wording.ts";
import { axisOf, type ChartData, dataStartOf, EMPTY_CHART, isMedian, meanOf, stepOf } from "./chart_data.ts";
import { DragZoom } from "./drag.ts";
import { drawMarks, marksNear, NEAR_PIXELS } from "./mark_lines.ts";
import { markLines } from "./mark_texts.ts";
import {
  axesOf,
  drawLevel,
  HEIGHT_WITH_TIMES,
  MIN_PADDING_AT_END,
  paragraph,
  SHARED_CURSOR,
  translucent,
} from "./plot_parts.ts";
import { bounds, type Scale } from "./scale.ts";
import type { ZoomTarget } from "./span.ts";
import { dataStartLabel } from "./time_labels.ts";
import { tooltipOf } from "./tooltip.ts";

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
  /** Receives the part that a reader selects; `null`: the chart does not zoom. */
  readonly zoom: ZoomTarget | null;
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
  #drag: DragZoom | null = null;
  #pointedAt: number | null = null;
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
    if (this.#options.zoom !== null) this.#drag ??= new DragZoom(this.#plot, this.#options.zoom);
    this.#drag?.start();
    this.#resize.observe(this.#container);
    this.#unlisten = onThemeChange(() => this.#plot?.redraw());
    this.#container.setAttribute("role", "img");
    this.#container.append(this.#note, this.#emptyText, this.#tooltip);
    this.#draw();
  }

  stop(): void {
    this.#unlisten();
    this.#drag?.stop();
    this.#drag = null;
    this.#resize.disconnect();
    for (const element of [this.#tooltip, this.#note, this.#emptyText]) element.remove();
    this.#plot?.destroy();
    this.#plot = null;
  }

  show(data: ChartData): void {
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
    const { columns, now, emptyReason, span } = this.#data;
    const last = now === undefined ? (columns.avg.at(-1) ?? null) : now;
    const value = span === null ? last : meanOf(columns.avg);
    // The last round has only the average of the nodes, and a part of the history has no current value.
    const isAverage = span !== null || isMedian(this.#data);
    write(this.#readout, isAverage ? wording.averageNow(formatNow(value)) : formatNow(value));
    this.#writeTooltip();
    if (!this.#tooltip.hidden) return;
    const note = this.#writeNote();
    this.#emptyText.hidden = emptyReason === null;
    write(this.#emptyText, emptyReason ?? "");
    attribute(this.#container, "aria-label", this.#summary(value, note));
  }

  #summary(value: number | null, note: string): string {
    const { format, name } = this.#options;
    const { columns, quantiles, threshold, emptyReason, span, marks } = this.#data;
    const isKnown = (each: number | null): each is number => each !== null;
    const lows = columns.min.filter(isKnown);
    if (lows.length === 0) return `${name}: ${emptyReason ?? wording.noHistory}`;
    const highs = [...columns.max, ...(quantiles?.max ?? [])].filter(isKnown);
    const now = isMedian(this.#data) ? wording.averageOfNodes(format(value)) : format(value);
    const [low, high] = [format(Math.min(...lows)), format(Math.max(...highs))];
    const parts = [
      span === null
        ? wording.chartSummary(name, low, high, now)
        : wording.chartPartSummary(name, low, high, format(value)),
    ];
    if (marks.length > 0) parts.push(wording.eventsShown(marks.length));
    if (threshold !== null) parts.push(wording.thresholdAt(format(threshold.value)));
    if (note !== "") parts.push(note);
    return parts.join(". ");
  }

  /** Write when the data begins. A small chart shows this note only if there is empty room for it. */
  #writeNote(): string {
    const { heightPixels, rangeSeconds } = this.#options;
    const [begin, end] = axisOf(this.#data, this.#data.columns.x.at(-1) ?? 0, rangeSeconds);
    const start = this.#data.span?.from ?? end - rangeSeconds;
    const { dataSeconds, quantilesSeconds } = dataStartOf(this.#data, start);
    const step = stepOf(this.#data.columns);
    const label = (seconds: number): string => dataStartLabel(seconds, rangeSeconds, step, end);
    const notes = dataSeconds === null ? [] : [wording.dataSince(label(dataSeconds))];
    if (quantilesSeconds === "never") notes.push(wording.averageOnly);
    else if (quantilesSeconds !== null) notes.push(wording.averageOnlyBefore(label(quantilesSeconds)));
    const note = notes.join(" · ");
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
    const isSmall = this.#options.heightPixels < HEIGHT_WITH_TIMES;
    const text = tooltipOf(this.#data, idx, this.#options, isSmall);
    write(this.#tooltip, [text, ...markLines(this.#marksAt(left), this.#options.rangeSeconds)].join("\n"));
    this.#tooltip.classList.toggle("at-start", left > (this.#plot?.over.clientWidth ?? 0) / 2);
  }

  #marksAt(left: number): ReturnType<typeof marksNear> {
    const { marks } = this.#data;
    if (this.#plot === null || marks.length === 0) return [];
    const at = this.#plot.posToVal(left, "x");
    return marksNear(marks, at, Math.abs(this.#plot.posToVal(left + NEAR_PIXELS, "x") - at));
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
        cursor: SHARED_CURSOR,
        scales: {
          x: {
            time: true,
            // The whole range if the reader chose it; otherwise from the beginning of the data.
            range: (_plot, _low, high) => axisOf(this.#data, high, rangeSeconds),
          },
          y: { range: (_plot, low, high) => bounds(scale, low, high) },
        },
        axes: axesOf(
          hasTimes,
          () => rangeSeconds,
          format,
          (halfWidth) => {
            paddingAtEnd = Math.max(MIN_PADDING_AT_END, halfWidth);
          },
        ),
        series: isCluster
          ? [{}, edge, edge, line, { ...thin, dash: [2, 3] }, { ...line, dash: [5, 4] }]
          : [{}, edge, edge, line],
        bands: [{ series: [1, 2], fill: () => translucent(color(this.#options.color)) }],
        hooks: {
          setCursor: [() => this.#writeTexts()],
          draw: [
            (plot) => {
              const { threshold, marks } = this.#data;
              if (threshold !== null) drawLevel(plot, threshold.value, color(COLOR_OF_SEVERITY[threshold.severity]));
              drawMarks(plot, marks, this.#pointedAt);
            },
          ],
        },
      },
      isCluster ? [[], [], [], [], [], []] : [[], [], [], []],
      this.#container,
    );
  }
}
