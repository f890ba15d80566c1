/** The measures that a search compares, and the numbers that it compares them with. */

import { MEASURES, type Measure } from "../contract.ts";
import { BadTerm } from "./search_error.ts";

/** A figure of a node. */
export type Figure = Measure | "cpu_count" | "memory_total_bytes" | "disk_total_bytes";

export type Comparison = ">=" | "<=" | ">" | "<" | "=";

/** Short names, in the order of the help. The names of the contract are valid too. */
export const SHORT_NAMES: Readonly<Record<string, Figure>> = {
  cpu: "cpu_usage",
  mem: "memory_usage",
  memory: "memory_usage",
  disk: "disk_usage",
  temp: "temperature",
  load: "load1",
  swap: "swap_usage",
  net_in: "network_receive_bytes_per_second",
  net_out: "network_transmit_bytes_per_second",
  disk_read: "disk_read_bytes_per_second",
  disk_write: "disk_written_bytes_per_second",
  cores: "cpu_count",
};
const FIGURES: ReadonlyMap<string, Figure> = new Map([
  ...Object.entries(SHORT_NAMES),
  ...([...MEASURES, "cpu_count", "memory_total_bytes", "disk_total_bytes"] as const).map(
    (name) => [name, name] as const,
  ),
]);

const NUMBER = /^([-+]?(?:\d+(?:\.\d*)?|\.\d+)) ?(?:%|°?c|(?:([kmgt])(i?))?(?:b(?:\/s)?)?)$/i;

export function figureNamed(name: string): Figure {
  const figure = FIGURES.get(name.toLowerCase());
  if (figure === undefined) throw new BadTerm("measure_unknown", name);
  return figure;
}

/** Return the number in `text`. It may have the unit of a measure, `k` to `T` (thousands) or `Ki` to `Ti` (1024). */
export function numberIn(text: string): number {
  const found = NUMBER.exec(text);
  if (found === null) throw new BadTerm("number_expected", text);
  const [, digits = "", prefix = "", binary = ""] = found;
  const power = prefix === "" ? 0 : "kmgt".indexOf(prefix.toLowerCase()) + 1;
  return Number(digits) * (binary === "" ? 1000 : 1024) ** power;
}

/** Whether a value fulfils a comparison. An unknown value never does. */
export function compares(value: number | null | undefined, comparison: Comparison, limit: number): boolean {
  if (value == null) return false;
  if (comparison === ">") return value > limit;
  if (comparison === ">=") return value >= limit;
  if (comparison === "<") return value < limit;
  return comparison === "<=" ? value <= limit : value === limit;
}
