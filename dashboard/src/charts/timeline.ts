/** Measures over a range of time on a regular grid: the history, followed by the live rounds. */

import type { History, HistorySeries, Measure, Steps } from "../contract.ts";
import { type QuantileColumns, QuantileGrid } from "./quantiles.ts";
import type { Span } from "./span.ts";

/** The values of one step. */
interface StepSummary {
  readonly min: number;
  readonly avg: number;
  readonly max: number;
  /** Number of rounds in the step. */
  readonly weight: number;
}

/** Values to draw. `x`: Unix seconds, ascending, at equal distances. `null`: unknown. */
export interface Columns {
  readonly x: number[];
  readonly min: (number | null)[];
  readonly avg: (number | null)[];
  readonly max: (number | null)[];
}

/** Values of a round; `null`: unknown. */
export type Values = Partial<Readonly<Record<Measure, number | null>>>;

/**
 * The timeline of one node or of the cluster. History and live data both use the collector's clock, so they join
 * without a gap.
 */
export class Timeline {
  readonly #rangeSeconds: number;
  readonly #span: Span | null;
  #stepSeconds: number;
  /** By measure, then by the number of the step since the epoch. */
  readonly #summaries = new Map<Measure, Map<number, StepSummary>>();
  readonly #quantiles = new QuantileGrid();
  #newestSeconds = Number.NEGATIVE_INFINITY;
  /** Values of the last live round. */
  #now: Values = {};

  /**
   * `stepSeconds`: length of a step until a history sets another length. `span`: the part of the history that the grid
   * covers; `null`: the grid follows the live rounds.
   */
  constructor(rangeSeconds: number, stepSeconds: number, span: Span | null = null) {
    this.#rangeSeconds = rangeSeconds;
    this.#span = span;
    this.#stepSeconds = stepSeconds;
  }

  /** Load a history. Its values replace those of the same steps. `intervalSeconds`: time between two rounds. */
  load(history: History, series: HistorySeries, intervalSeconds: number): void {
    if (history.step_seconds !== this.#stepSeconds) {
      this.#summaries.clear();
      this.#quantiles.clear();
    }
    this.#stepSeconds = history.step_seconds;
    const first = Math.round(Date.parse(history.start) / 1000 / this.#stepSeconds);
    if (series.node === null && history.distribution) this.#quantiles.take(history.distribution, first);
    const now = this.#newestSeconds;
    for (const [measure, steps] of Object.entries(series.measures) as [Measure, Steps][]) {
      const summaries = this.#of(measure);
      steps.avg.forEach((avg, index) => {
        if (avg === null) return;
        const step = first + index;
        const beganSeconds = step * this.#stepSeconds;
        const covered = Number.isFinite(now) ? Math.min(this.#stepSeconds, now - beganSeconds) : this.#stepSeconds;
        // The history ends some seconds ago, so the extremes of later live rounds stay.
        const live = summaries.get(step);
        summaries.set(step, {
          min: Math.min(steps.min[index] ?? avg, live?.min ?? Number.POSITIVE_INFINITY),
          avg,
          max: Math.max(steps.max[index] ?? avg, live?.max ?? Number.NEGATIVE_INFINITY),
          weight: Math.max(1, covered / intervalSeconds),
        });
        this.#newestSeconds = Math.max(this.#newestSeconds, beganSeconds);
      });
    }
    this.#forget();
  }

  /** Add a live round. */
  add(atSeconds: number, values: Values): void {
    // If the clock went back, drop the values after the new time.
    if (atSeconds < this.#newestSeconds - 2 * this.#stepSeconds) this.#dropAfter(atSeconds);
    const step = Math.floor(atSeconds / this.#stepSeconds);
    this.#newestSeconds = Math.max(this.#newestSeconds, atSeconds);
    this.#now = values;
    for (const [measure, value] of Object.entries(values) as [Measure, number | null][]) {
      if (value === null) continue;
      const summaries = this.#of(measure);
      const previous = summaries.get(step);
      summaries.set(
        step,
        previous === undefined ? { min: value, avg: value, max: value, weight: 1 } : withRound(previous, value),
      );
    }
    this.#forget();
  }

  /**
   * Return the value of the last live round, which all other figures of the page show too; `undefined` before the first
   * live round.
   */
  now(measure: Measure): number | null | undefined {
    return this.#now[measure];
  }

  /** Return the grid of one measure over the whole range, up to the newest step. */
  columns(measure: Measure): Columns {
    const x: number[] = [];
    const min: (number | null)[] = [];
    const avg: (number | null)[] = [];
    const max: (number | null)[] = [];
    const summaries = this.#summaries.get(measure);
    const last = this.#lastStep();
    for (let step = this.#firstStep(); step <= last; step += 1) {
      const summary = summaries?.get(step);
      x.push(step * this.#stepSeconds);
      min.push(summary?.min ?? null);
      avg.push(summary?.avg ?? null);
      max.push(summary?.max ?? null);
    }
    return { x, min, avg, max };
  }

  /** Return the quantiles over the grid of `columns()`. */
  quantiles(measure: Measure): QuantileColumns {
    return this.#quantiles.of(measure, this.#firstStep(), this.#lastStep());
  }

  /** Start of the first step with data, in Unix seconds; `null` without data. */
  get firstSeconds(): number | null {
    let first = Number.POSITIVE_INFINITY;
    for (const summaries of this.#summaries.values())
      for (const step of summaries.keys()) first = Math.min(first, step);
    return Number.isFinite(first) ? first * this.#stepSeconds : null;
  }

  #of(measure: Measure): Map<number, StepSummary> {
    let summaries = this.#summaries.get(measure);
    if (summaries === undefined) {
      summaries = new Map();
      this.#summaries.set(measure, summaries);
    }
    return summaries;
  }

  /** Less than `#firstStep()` without data. */
  #lastStep(): number {
    if (this.#span !== null) return Math.ceil(this.#span.to / this.#stepSeconds) - 1;
    return Number.isFinite(this.#newestSeconds) ? Math.floor(this.#newestSeconds / this.#stepSeconds) : -1;
  }

  #firstStep(): number {
    if (this.#span !== null) return Math.floor(this.#span.from / this.#stepSeconds);
    if (!Number.isFinite(this.#newestSeconds)) return 0;
    return Math.floor((this.#newestSeconds - this.#rangeSeconds) / this.#stepSeconds) + 1;
  }

  #forget(): void {
    const first = this.#firstStep();
    for (const summaries of this.#summaries.values()) {
      for (const step of summaries.keys()) if (step < first) summaries.delete(step);
    }
    this.#quantiles.keep(first, this.#lastStep());
  }

  #dropAfter(atSeconds: number): void {
    const last = Math.floor(atSeconds / this.#stepSeconds);
    for (const summaries of this.#summaries.values()) {
      for (const step of summaries.keys()) if (step > last) summaries.delete(step);
    }
    this.#quantiles.keep(Number.NEGATIVE_INFINITY, last);
    this.#newestSeconds = atSeconds;
  }
}

function withRound({ min, avg, max, weight }: StepSummary, value: number): StepSummary {
  return {
    min: Math.min(min, value),
    avg: (avg * weight + value) / (weight + 1),
    max: Math.max(max, value),
    weight: weight + 1,
  };
}
