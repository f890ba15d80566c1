/** A line over time with the range that it moved in: a thin shell around uPlot. */

import uPlot from "uplot";
import { attribute, write } from "../fields.ts";
import { LANGUAGE } from "../language.ts";
import { color, onThemeChange } from "../theme.ts";
import { yRange } from "./scale.ts";
import type { Columns } from "./timeline.ts";
import { wording } from "../wording.ts";

const DAY_SECONDS = 86_400;
/** Charts with this key show their cursors at the same time. */
const SYNC_KEY = "time";
const HEIGHT_OF_AXIS = 26;

export interface ChartOptions {
  /** What the line is, for people. */
  readonly name: string;
  /** Text of a value, with its unit. */
  readonly format: (value: number | null) => string;
  /** Custom property of the line's colour. */
  readonly color: string;
  /** The top of the scale where it is fixed, as 100 of percentages; else as high as the data. */
  readonly ceiling: number | null;
  /** Its top where there are no values, or only 0. */
  readonly topOfNothing: number;
  readonly heightPixels: number;
  readonly rangeSeconds: number;
}

/** `start()` draws into `container` until `stop()`; `readout` says the value under the cursor, or the last one. */
export class Chart {
  readonly #container: HTMLElement;
  readonly #readout: HTMLElement;
  readonly #options: ChartOptions;
  readonly #resize = new ResizeObserver(() => this.#fit());
  #plot: uPlot | null = null;
  #columns: Columns = { x: [], min: [], avg: [], max: [] };
  #unlisten: () => void = () => undefined;

  constructor(container: HTMLElement, readout: HTMLElement, options: ChartOptions) {
    this.#container = container;
    this.#readout = readout;
    this.#options = options;
  }

  start(): void {
    this.#plot ??= this.#made();
    this.#resize.observe(this.#container);
    this.#unlisten = onThemeChange(() => this.#plot?.redraw());
    this.#container.setAttribute("role", "img");
    this.#draw();
  }

  stop(): void {
    this.#unlisten();
    this.#resize.disconnect();
    this.#plot?.destroy();
    this.#plot = null;
  }

  show(columns: Columns): void {
    this.#columns = columns;
    this.#draw();
  }

  #draw(): void {
    if (this.#plot === null) return;
    const { x, min, avg, max } = this.#columns;
    this.#plot.setData([x, max, min, avg]);
    this.#say();
  }

  /** The value under the cursor, or the last one, and the whole in a sentence for those who do not see the line. */
  #say(): void {
    const { format, name } = this.#options;
    const { x, min, avg, max } = this.#columns;
    const index = this.#plot?.cursor.idx ?? null;
    const hovered = index !== null && this.#plot?.cursor.left !== undefined && this.#plot.cursor.left >= 0;
    const at = hovered ? index : avg.length - 1;
    const value = avg[at] ?? null;
    let text = format(value);
    if (hovered && x[at] !== undefined) {
      const low = min[at] ?? null;
      const high = max[at] ?? null;
      const span = low !== high ? ` (${format(low)} – ${format(high)})` : "";
      text = `${clock(x[at], this.#options.rangeSeconds)} · ${text}${span}`;
    }
    write(this.#readout, text);
    if (hovered) return;
    const lows = min.filter((known) => known !== null);
    const highs = max.filter((known) => known !== null);
    const summary =
      lows.length === 0
        ? `${name}: ${wording.noHistory}`
        : wording.chartSummary(name, format(Math.min(...lows)), format(Math.max(...highs)), format(value));
    attribute(this.#container, "aria-label", summary);
  }

  #fit(): void {
    const width = this.#container.clientWidth;
    if (width > 0 && this.#plot !== null && this.#plot.width !== width) {
      this.#plot.setSize({ width, height: this.#options.heightPixels });
    }
  }

  #made(): uPlot {
    const { ceiling, format, heightPixels, rangeSeconds, topOfNothing } = this.#options;
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
        padding: [8, 8, 0, 0],
        cursor: { y: false, drag: { x: false, y: false }, sync: { key: SYNC_KEY }, points: { size: 6 } },
        scales: {
          x: {
            time: true,
            // The whole range, though the data may begin later.
            range: (_plot, _low, high) => (high === null ? [0, 1] : [high - rangeSeconds, high]),
          },
          y: { range: (_plot, low, high) => yRange(low, high, ceiling, topOfNothing) },
        },
        axes: [
          {
            ...axis,
            size: HEIGHT_OF_AXIS,
            space: 70,
            values: (_plot, splits) => splits.map((at) => tick(at, rangeSeconds)),
          },
          { ...axis, size: 62, space: 30, values: (_plot, splits) => splits.map((value) => format(value)) },
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

function translucent(rgb: string): string {
  return rgb.replace("rgb(", "rgba(").replace(")", ", 0.18)");
}

const timeOfDay = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const dayOfWeek = new Intl.DateTimeFormat(LANGUAGE, { weekday: "short", day: "numeric" });

function tick(atSeconds: number, rangeSeconds: number): string {
  const date = new Date(atSeconds * 1000);
  const midnight = date.getHours() === 0 && date.getMinutes() === 0;
  return rangeSeconds > 2 * DAY_SECONDS || midnight ? dayOfWeek.format(date) : timeOfDay.format(date);
}

/** A moment within a range: with its day where the range has several. */
function clock(atSeconds: number, rangeSeconds: number): string {
  const date = new Date(atSeconds * 1000);
  const time = timeOfDay.format(date);
  return rangeSeconds >= DAY_SECONDS ? `${dayOfWeek.format(date)} ${time}` : time;
}
