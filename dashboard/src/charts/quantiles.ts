/** Quantiles of all nodes in each step of the cluster's history. An average hides outliers. */

import type { Distribution, Measure } from "../contract.ts";

/** Quantiles of one measure over the steps of a grid; `null`: unknown. */
export interface QuantileColumns {
  readonly low: readonly (number | null)[];
  readonly median: readonly (number | null)[];
  readonly high: readonly (number | null)[];
  readonly max: readonly (number | null)[];
  /** Name of the node with the maximum. */
  readonly maxNode: readonly (string | null)[];
}

interface Quantiles {
  readonly low: number;
  readonly median: number;
  readonly high: number;
  readonly max: number;
  readonly maxNode: string | null;
}

/** Quantiles by measure, and by the number of the step since the epoch. */
export class QuantileGrid {
  readonly #known = new Map<Measure, Map<number, Quantiles>>();

  /** Store the quantiles of a history; `first` is the number of its first step. */
  take(distribution: Distribution, first: number): void {
    for (const [measure, steps] of Object.entries(distribution.measures) as [
      Measure,
      Distribution["measures"][Measure],
    ][]) {
      if (steps === undefined) continue;
      const known = this.#known.get(measure) ?? new Map<number, Quantiles>();
      this.#known.set(measure, known);
      steps.median.forEach((median, index) => {
        const [low, high, max] = [steps.p10[index], steps.p90[index], steps.max[index]];
        if (median === null || low == null || high == null || max == null) return;
        known.set(first + index, { low, median, high, max, maxNode: steps.max_node[index] ?? null });
      });
    }
  }

  /** Return the quantiles of the steps from `first` to `last`. */
  of(measure: Measure, first: number, last: number): QuantileColumns {
    const known = this.#known.get(measure);
    const found: (Quantiles | undefined)[] = [];
    for (let step = first; step <= last; step += 1) found.push(known?.get(step));
    return {
      low: found.map((each) => each?.low ?? null),
      median: found.map((each) => each?.median ?? null),
      high: found.map((each) => each?.high ?? null),
      max: found.map((each) => each?.max ?? null),
      maxNode: found.map((each) => each?.maxNode ?? null),
    };
  }

  /** Drop the steps before `first` and after `last`. */
  keep(first: number, last: number): void {
    for (const known of this.#known.values()) {
      for (const step of known.keys()) if (step < first || step > last) known.delete(step);
    }
  }

  clear(): void {
    this.#known.clear();
  }
}
