/** The text about the moment under the cursor. */

import { wording } from "../wording.ts";
import { type ChartData, stepOf } from "./chart_data.ts";
import { timeLabel } from "./time_labels.ts";

type Format = (value: number | null) => string;

/** Return the text for step `index`. The lines of a small chart are shorter. */
export function tooltipOf(
  { columns, quantiles }: ChartData,
  index: number,
  {
    format,
    formatNow,
    isCluster,
    rangeSeconds,
  }: { format: Format; formatNow: Format; isCluster: boolean; rangeSeconds: number },
  isSmall: boolean,
): string {
  const { x, min, avg, max } = columns;
  const at = timeLabel(x[index] ?? 0, rangeSeconds, stepOf(columns));
  const mean = avg[index] ?? null;
  const median = quantiles?.median[index] ?? null;
  if (quantiles !== null && median !== null) {
    const span = spanOf(format(quantiles.low[index] ?? null), format(quantiles.high[index] ?? null));
    const highest = wording.highestNode(formatNow(quantiles.max[index] ?? null), quantiles.maxNode[index] ?? "");
    return `${at} · ${wording.medianOfNodes(formatNow(median))}\n${wording.percentileRange(span)}\n${highest}`;
  }
  if (isCluster) return `${at} · ${wording.averageOfNodes(formatNow(mean))}`;
  const low = min[index] ?? null;
  const high = max[index] ?? null;
  // A step holds many rounds: the text has their mean, minimum and maximum.
  const span = isSmall || low === high ? "" : ` (${spanOf(format(low), format(high))})`;
  return `${at} · ${low === high ? formatNow(mean) : `${wording.meanOfStep(formatNow(mean))}${span}`}`;
}

/** Return `low – high`, with a common unit only once. */
function spanOf(low: string, high: string): string {
  const [figure, unit] = low.split("\u00a0");
  return `${unit !== undefined && high.endsWith(`\u00a0${unit}`) ? figure : low} – ${high}`;
}
