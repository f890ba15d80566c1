/** The measures that colour the cells of the wall, with their scales and texts. */

import type { Node } from "../contract.ts";
import * as format from "../format.ts";
import { wording } from "../wording.ts";

export const WALL_MEASURES = ["cpu_usage", "memory_usage", "disk_usage", "temperature", "status"] as const;
export type WallMeasure = (typeof WALL_MEASURES)[number];

/** Values at both ends of a scale, in percent or °C. */
export interface Scale {
  readonly low: number;
  readonly high: number;
}

const PERCENT: Scale = { low: 0, high: 100 };
/** From a cold room to the temperature at which processors throttle. */
const CELSIUS: Scale = { low: 20, high: 90 };

/** Return the scale; `null` for the status. */
export function scaleOf(measure: WallMeasure): Scale | null {
  if (measure === "status") return null;
  return measure === "temperature" ? CELSIUS : PERCENT;
}

/**
 * Return the position of `node` on the scale of `measure`, from 0 to 1; `null` for an unknown value or without a scale.
 */
export function shareOf(node: Node, measure: WallMeasure): number | null {
  const scale = scaleOf(measure);
  if (measure === "status" || scale === null) return null;
  const value = node[measure];
  if (value === null) return null;
  return Math.min(1, Math.max(0, (value - scale.low) / (scale.high - scale.low)));
}

/** Return the value in few characters; for an offline node, the word for its status. */
export function shortValue(node: Node, measure: WallMeasure): string {
  if (node.status === "unknown") return format.UNKNOWN;
  if (measure === "status" || node.status === "offline") return wording.nodeStatus[node.status];
  return measureText(node[measure], measure);
}

/** Return a value of `measure` in few characters. */
export function measureText(value: number | null, measure: Exclude<WallMeasure, "status">): string {
  return measure === "temperature" ? format.wholeCelsius(value) : format.wholePercent(value);
}

/** Return the value with the name of the measure, `CPU 34.2 %`; `null` for the status. */
export function namedValue(node: Node, measure: WallMeasure): string | null {
  if (measure === "status") return null;
  const write = measure === "temperature" ? format.celsius : format.percent;
  return `${wording.measure[measure]} ${write(node[measure])}`;
}

/** Return an end of the scale, with its unit. */
export function scaleText(measure: WallMeasure, end: keyof Scale): string {
  const value = scaleOf(measure)?.[end] ?? null;
  if (value === null) return "";
  return measure === "temperature" ? format.wholeCelsius(value) : format.wholePercent(value);
}
