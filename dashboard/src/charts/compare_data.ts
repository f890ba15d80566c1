/** The lines of some nodes on one grid, and the places of their names at the ends of the lines. */

import type { Measure } from "../contract.ts";
import type { Timeline } from "./timeline.ts";

/** Maximum number of lines of a chart. */
export const MAX_LINES = 12;
/** Number of different colours. Lines of the same colour differ in their dashes. */
const COLORS = 6;
/** In CSS pixels: solid, dashes, dots, dashes and dots. With six colours, they make twelve different lines. */
const DASHES: readonly (readonly number[])[] = [[], [8, 4], [2, 3], [9, 3, 2, 3]];

/** How the line in a place from 0 to 11 is drawn. */
export interface LineStyle {
  /** CSS custom property of the colour. */
  readonly color: string;
  readonly dash: readonly number[];
}

export function lineStyle(slot: number): LineStyle {
  return { color: `--compare-${slot % COLORS}`, dash: DASHES[slot % DASHES.length] ?? [] };
}

/** Values of some nodes at the same moments. `x`: Unix seconds at equal distances. */
export interface Lines {
  readonly x: readonly number[];
  readonly values: readonly (readonly (number | null)[])[];
}

/**
 * Return the averages of `measure` on a common grid that ends with the newest step. A timeline with another step than
 * the first known one has no values, until its history is read too.
 */
export function commonGrid(timelines: readonly (Timeline | undefined)[], measure: Measure): Lines {
  const columns = timelines.map((timeline) => timeline?.columns(measure) ?? { x: [], avg: [] });
  const stepOf = (x: readonly number[]): number => (x.length < 2 ? 0 : (x[1] ?? 0) - (x[0] ?? 0));
  const step = columns.map(({ x }) => stepOf(x)).find((seconds) => seconds > 0) ?? 0;
  if (step === 0) return { x: [], values: columns.map(() => []) };
  const fitting = columns.map((each) => (stepOf(each.x) === step ? each : { x: [], avg: [] }));
  const known = fitting.filter(({ x }) => x.length > 0);
  const last = Math.max(...known.map(({ x }) => x.at(-1) ?? 0));
  const length = Math.max(...known.map(({ x }) => x.length));
  const x = Array.from({ length }, (_, index) => last - (length - 1 - index) * step);
  return {
    x,
    values: fitting.map(({ x: own, avg }) => {
      // Whole steps between the last own step and the end.
      const late = own.length === 0 ? 0 : Math.round((last - (own.at(-1) ?? 0)) / step);
      return x.map((_, index) => avg[index - length + late + avg.length] ?? null);
    }),
  };
}

/** Return the last known value; `null` without any. */
export function lastKnown(values: readonly (number | null)[]): number | null {
  return values.findLast((value) => value !== null) ?? null;
}

/**
 * Return a place for each label, so that no two are nearer than `gap` and each is as near as possible to its wish.
 * Labels that do not all fit between 0 and `height` share the height evenly.
 */
export function placeLabels(wishes: readonly number[], height: number, gap: number): number[] {
  const order = wishes.map((_, index) => index).sort((a, b) => (wishes[a] ?? 0) - (wishes[b] ?? 0) || a - b);
  const distance = Math.min(gap, height / Math.max(1, wishes.length - 1));
  const places: number[] = wishes.map(() => 0);
  let least = 0;
  for (const index of order) {
    places[index] = Math.max(least, Math.min(wishes[index] ?? 0, height));
    least = (places[index] ?? 0) + distance;
  }
  // Push back from the bottom.
  let most = height;
  for (const index of order.toReversed()) {
    places[index] = Math.min(places[index] ?? 0, most);
    most = (places[index] ?? 0) - distance;
  }
  return places;
}

/** The nodes of a comparison in their places: a node keeps its colour while others come and go. */
export class Slots {
  #slots = new Map<string, number>();

  get names(): string[] {
    return [...this.#slots.keys()];
  }

  of(name: string): number {
    return this.#slots.get(name) ?? 0;
  }

  /** Add the nodes that are not yet there; return those for which there is no room. */
  add(names: readonly string[]): string[] {
    const left: string[] = [];
    for (const name of new Set(names)) {
      if (this.#slots.has(name)) continue;
      const used = new Set(this.#slots.values());
      const free = Array.from({ length: MAX_LINES }, (_, slot) => slot).find((slot) => !used.has(slot));
      if (free === undefined) left.push(name);
      else this.#slots.set(name, free);
    }
    return left;
  }

  remove(name: string): void {
    this.#slots.delete(name);
  }
}
