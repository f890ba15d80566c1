/** A line over time with the range that it moved in: a thin shell around uPlot. */

import uPlot from "uplot";
import { attribute, write } from "../fields.ts";
import { LANGUAGE } from "../language.ts";
import { color, onThemeChange } from "../theme.ts";
import type { Columns } from "./timeline.ts";
import { wording } from "../wording.ts";

const DAY_SECONDS = 86_400;
/** Charts with this key show their cursors at the same time. */
const SYNC_KEY = "time";
const HEIGHT_OF_AXIS = 26;
/** Lower charts have no times below them: those of their neighbours are the same. */
const HEIGHT_WITH_TIMES = 100;
/** Half of the widest label, which stands out beyond the last moment. */
const ROOM_AT_END = 22;

export interface ChartOptions {
  /** What the line is, for people. */
  readonly name: string;
  /** Text of a value, with its unit. */
  readonly format: (value: number | null) => string;
  /** Text of the value of now, as the page writes it elsewhere. */
  readonly formatNow: (value: number | null) => string;
  /** Custom property of the line's colour. */
  readonly color: string;
  /** The top of the scale where it is fixed, as 100 of percentages; else as high as the data. */
  readonly ceiling: number | null;
  readonly heightPixels: number;
  readonly rangeSeconds: number;
}

/**
 * `start()` draws into `container` until `stop()`; `readout` says the value of now. What was at another time is said
 * over the chart, where the cursor is not, so that nothing moves.
 */
export class Chart {
  readonly #container: HTMLElement;
  readonly #readout: HTMLElement;
  readonly #options: ChartOptions;
  readonly #resize = new ResizeObserver(() => this.#fit());
  #plot: uPlot | null = null;
  #columns: Columns = { x: [], min: [], avg: [], max: [] };
  #now: number | null | undefined;
  readonly #tip = document.createElement("p");
  #unlisten: () => void = () => undefined;

  constructor(container: HTMLElement, readout: HTMLElement, options: ChartOptions) {
    this.#container = container;
    this.#readout = readout;
    this.#options = options;
    this.#tip.className = "chart-tip";
    this.#tip.hidden = true;
  }

  start(): void {
    this.#plot ??= this.#made();
    this.#resize.observe(this.#container);
    this.#unlisten = onThemeChange(() => this.#plot?.redraw());
    this.#container.setAttribute("role", "img");
    this.#container.append(this.#tip);
    this.#draw();
  }

  stop(): void {
    this.#unlisten();
    this.#resize.disconnect();
    this.#tip.remove();
    this.#plot?.destroy();
    this.#plot = null;
  }

  /** `now`: the value of the last live round, where there was one. */
  show(columns: Columns, now?: number | null): void {
    this.#columns = columns;
    this.#now = now;
    this.#draw();
  }

  #draw(): void {
    if (this.#plot === null) return;
    const { x, min, avg, max } = this.#columns;
    this.#plot.setData([x, max, min, avg]);
    this.#say();
  }

  /** The value of now, that under the cursor, and the whole in a sentence for those who do not see the line. */
  #say(): void {
    const { format, formatNow, name } = this.#options;
    const { min, avg, max } = this.#columns;
    const value = this.#now === undefined ? (avg.at(-1) ?? null) : this.#now;
    write(this.#readout, formatNow(value));
    this.#sayUnderCursor();
    if (!this.#tip.hidden) return;
    const lows = min.filter((known) => known !== null);
    const highs = max.filter((known) => known !== null);
    const summary =
      lows.length === 0
        ? `${name}: ${wording.noHistory}`
        : wording.chartSummary(name, format(Math.min(...lows)), format(Math.max(...highs)), format(value));
    attribute(this.#container, "aria-label", summary);
  }

  #sayUnderCursor(): void {
    const { format, formatNow, heightPixels, rangeSeconds } = this.#options;
    const { x, min, avg, max } = this.#columns;
    const { idx, left } = this.#plot?.cursor ?? {};
    const at = idx == null || left === undefined || left < 0 ? undefined : x[idx];
    this.#tip.hidden = at === undefined;
    if (idx == null || left === undefined || at === undefined) return;
    const mean = avg[idx] ?? null;
    const low = min[idx] ?? null;
    const high = max[idx] ?? null;
    // A step holds many rounds: what is said of it is their mean, and between which values they lay.
    const isSmall = heightPixels < HEIGHT_WITH_TIMES;
    const span = isSmall || low === high ? "" : ` (${spanOf(format(low), format(high))})`;
    const value = low === high ? formatNow(mean) : `${wording.meanOfStep(formatNow(mean))}${span}`;
    write(this.#tip, `${clock(at, rangeSeconds)} · ${value}`);
    this.#tip.classList.toggle("at-start", left > (this.#plot?.over.clientWidth ?? 0) / 2);
  }

  #fit(): void {
    const width = this.#container.clientWidth;
    if (width > 0 && this.#plot !== null && this.#plot.width !== width) {
      this.#plot.setSize({ width, height: this.#options.heightPixels });
    }
  }

  #made(): uPlot {
    const { ceiling, format, heightPixels, rangeSeconds } = this.#options;
    const hasTimes = heightPixels >= HEIGHT_WITH_TIMES;
    const axis: uPlot.Axis = {
      stroke: () => color("--quiet"),
      grid: { stroke: () => color("--line"), width: 1 },
      ticks: { show: false },
      font: "11px system-ui, sans-serif",
    };
    const edge: uPlot.Series = { stroke: "transparent", width: 0, points: { show: false } };
    return new uPlot(
      {
        width: Math.max(1, this.#container.clientWidth),
        height: heightPixels,
        legend: { show: false },
        padding: [8, hasTimes ? ROOM_AT_END : 4, hasTimes ? 0 : 4, 0],
        cursor: { y: false, drag: { x: false, y: false }, sync: { key: SYNC_KEY }, points: { size: 6 } },
        scales: {
          x: {
            time: true,
            // The whole range, though the data may begin later.
            range: (_plot, _low, high) => (high === null ? [0, 1] : [high - rangeSeconds, high]),
          },
          y: { range: (_plot, low, high) => yRange(low, high, ceiling) },
        },
        axes: [
          {
            ...axis,
            show: hasTimes,
            size: HEIGHT_OF_AXIS,
            space: 70,
            values: (_plot, splits) => splits.map((at) => tick(at, rangeSeconds)),
          },
          { ...axis, size: hasTimes ? 62 : 56, space: 30, values: (_plot, splits) => splits.map((value) => format(value)) },
        ],
        series: [
          {},
          edge,
          edge,
          {
            stroke: () => color(this.#options.color),
            width: 1.6,
            points: { show: (_plot, _series, first, last) => last - first < 1 },
          },
        ],
        bands: [{ series: [1, 2], fill: () => translucent(color(this.#options.color)) }],
        hooks: { setCursor: [() => this.#say()] },
      },
      [[], [], [], []],
      this.#container,
    );
  }
}

function yRange(low: number | null, high: number | null, ceiling: number | null): [number, number] {
  if (ceiling !== null) return [0, ceiling];
  if (low === null || high === null) return [0, 1];
  // A flat line in the middle of nothing says nothing: the scale begins at 0 unless the values lie far from it.
  const bottom = low > 0 && (high - low) / high < 0.5 && high < 200 ? Math.floor(low - (high - low) * 0.2 - 1) : 0;
  return [Math.min(bottom, low), high === bottom ? bottom + 1 : high + (high - bottom) * 0.08];
}

/** From `low` to `high`: a unit that both have is said once. */
function spanOf(low: string, high: string): string {
  const [figure, unit] = low.split("\u00a0");
  return `${unit !== undefined && high.endsWith(`\u00a0${unit}`) ? figure : low} – ${high}`;
}

function translucent(rgb: string): string {
  return rgb.replace("rgb(", "rgba(").replace(")", ", 0.18)");
}

const timeOfDay = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const weekday = new Intl.DateTimeFormat(LANGUAGE, { weekday: "short" });

function tick(atSeconds: number, rangeSeconds: number): string {
  const date = new Date(atSeconds * 1000);
  const midnight = date.getHours() === 0 && date.getMinutes() === 0;
  return rangeSeconds > 2 * DAY_SECONDS || midnight ? day(date) : timeOfDay.format(date);
}

/** A moment within a range: with its day where the range has several. */
function clock(atSeconds: number, rangeSeconds: number): string {
  const date = new Date(atSeconds * 1000);
  const time = timeOfDay.format(date);
  return rangeSeconds >= DAY_SECONDS ? `${day(date)} ${time}` : time;
}

/** `Sun 29`: by itself English would write it the other way round. */
function day(date: Date): string {
  return `${weekday.format(date)} ${date.getDate()}`;
}
