/** What colours the cells of the wall: the measures, their scales, and their values as text. */

import type { Node } from "../contract.ts";
import * as format from "../format.ts";
import { wording } from "../wording.ts";

export const WALL_MEASURES = ["cpu_usage", "memory_usage", "disk_usage", "temperature", "status"] as const;
export type WallMeasure = (typeof WALL_MEASURES)[number];

/** The values at the two ends of a scale: percent, or °C. */
export interface Scale {
  readonly low: number;
  readonly high: number;
}

const PERCENT: Scale = { low: 0, high: 100 };
/** From a cold room to where processors slow themselves down. */
const CELSIUS: Scale = { low: 20, high: 90 };

/** `null` for the status, which has no scale. */
export function scaleOf(measure: WallMeasure): Scale | null {
  if (measure === "status") return null;
  return measure === "temperature" ? CELSIUS : PERCENT;
}

/** Where `node` lies on the scale of `measure`, from 0 to 1; `null`: not known, or no scale. */
export function shareOf(node: Node, measure: WallMeasure): number | null {
  const scale = scaleOf(measure);
  if (measure === "status" || scale === null) return null;
  const value = node[measure];
  if (value === null) return null;
  return Math.min(1, Math.max(0, (value - scale.low) / (scale.high - scale.low)));
}

/** The value in as few characters as it takes; of a node that is offline, that. */
export function shortValue(node: Node, measure: WallMeasure): string {
  if (node.status === "unknown") return format.UNKNOWN;
  if (measure === "status" || node.status === "offline") return wording.nodeStatus[node.status];
  return measure === "temperature" ? format.wholeCelsius(node[measure]) : format.wholePercent(node[measure]);
}

/** The value with the name of the measure, `CPU 34.2 %`; `null` where it is the status. */
export function namedValue(node: Node, measure: WallMeasure): string | null {
  if (measure === "status") return null;
  const write = measure === "temperature" ? format.celsius : format.percent;
  return `${wording.measure[measure]} ${write(node[measure])}`;
}

/** An end of the scale, with its unit. */
export function scaleText(measure: WallMeasure, end: keyof Scale): string {
  const value = scaleOf(measure)?.[end] ?? null;
  if (value === null) return "";
  return measure === "temperature" ? format.wholeCelsius(value) : format.wholePercent(value);
}
