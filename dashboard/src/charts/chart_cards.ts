/** The charts of one node, or of the cluster: a card with `data-measure` for each measure. */

import type { Measure } from "../contract.ts";
import { attribute } from "../fields.ts";
import { wording } from "../wording.ts";
import { Chart } from "./chart.ts";
import { type ChartContext, chartDataOf, isMedian } from "./chart_data.ts";
import { MEASURE_STYLES } from "./measure_styles.ts";
import type { ZoomTarget } from "./span.ts";
import type { Timeline } from "./timeline.ts";

const HEIGHT_PIXELS = 190;

/** `show()` draws the data of a timeline between `start()` and `stop()`. */
export class ChartCards {
  readonly #cards: readonly HTMLElement[];
  readonly #isCluster: boolean;
  readonly #zoom: ZoomTarget | null;
  #charts = new Map<Measure, Chart>();

  /** `isCluster`: the charts show all nodes. */
  constructor(root: HTMLElement, isCluster = false, zoom: ZoomTarget | null = null) {
    this.#isCluster = isCluster;
    this.#zoom = zoom;
    this.#cards = [...root.querySelectorAll<HTMLElement>("[data-measure]")];
  }

  get measures(): readonly Measure[] {
    return this.#cards.map((card) => card.dataset["measure"] as Measure);
  }

  start(rangeSeconds: number): void {
    for (const card of this.#cards) {
      const measure = card.dataset["measure"] as Measure;
      const chart = chartOf(card, {
        measure,
        rangeSeconds,
        heightPixels: HEIGHT_PIXELS,
        isCluster: this.#isCluster,
        zoom: this.#zoom,
      });
      chart.start();
      this.#charts.set(measure, chart);
    }
  }

  stop(): void {
    for (const chart of this.#charts.values()) chart.stop();
    this.#charts = new Map();
  }

  /** Emphasize the event at a moment in Unix seconds in all charts. */
  pointAt(seconds: number | null): void {
    for (const chart of this.#charts.values()) chart.pointAt(seconds);
  }

  show(timeline: Timeline | undefined, context: ChartContext): void {
    if (timeline === undefined) return;
    for (const card of this.#cards) {
      const measure = card.dataset["measure"] as Measure;
      const data = chartDataOf(timeline, measure, context);
      this.#charts.get(measure)?.show(data);
      // The heading of the card names the kind of line.
      if (this.#isCluster) attribute(card, "data-line", isMedian(data) ? "median" : "average");
    }
  }
}

/** What a card's chart shows, and how high the chart is. */
export interface CardChartOptions {
  readonly measure: Measure;
  readonly rangeSeconds: number;
  readonly heightPixels: number;
  readonly isCluster: boolean;
  readonly zoom: ZoomTarget | null;
}

/** Return the chart of a card. The card has an element `.chart` and an element `.readout`. */
export function chartOf(card: HTMLElement, { measure, ...options }: CardChartOptions): Chart {
  const container = card.querySelector<HTMLElement>(".chart");
  const readout = card.querySelector<HTMLElement>(".readout");
  if (container === null || readout === null) throw new Error(`the card of ${measure} has no element for a chart`);
  return new Chart(container, readout, { ...MEASURE_STYLES[measure], name: wording.measure[measure], ...options });
}
