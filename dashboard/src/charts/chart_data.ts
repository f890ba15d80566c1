/** What a chart shows at one moment, made of a timeline and of what else is known. */

import type { Measure } from "../contract.ts";
import { wording } from "../wording.ts";
import type { QuantileColumns } from "./quantiles.ts";
import type { Threshold } from "./thresholds.ts";
import type { Columns, Timeline } from "./timeline.ts";

/** An axis that fits its data is never shorter, in seconds. */
export const MIN_SPAN_SECONDS = 60;

export interface ChartData {
  readonly columns: Columns;
  /** The value of the last live round; `undefined` before one. */
  readonly now: number | null | undefined;
  /** `null`: the chart is of one node. */
  readonly quantiles: QuantileColumns | null;
  readonly threshold: Threshold | null;
  /** From when on the axis goes, Unix seconds, where that is later than the range's begin; `null`: over the whole range. */
  readonly fromSeconds: number | null;
  /** Whether the history has been read: before, nobody knows since when there are data. */
  readonly isLoaded: boolean;
  /** Why there is nothing to draw; `null` where there is, or nobody knows yet. */
  readonly emptyReason: string | null;
}

export const EMPTY_CHART: ChartData = {
  columns: { x: [], min: [], avg: [], max: [] },
  now: undefined,
  quantiles: null,
  threshold: null,
  fromSeconds: null,
  isLoaded: false,
  emptyReason: null,
};

/** What a page knows besides the timeline. */
export interface ChartContext {
  readonly fromSeconds: number | null;
  readonly thresholdOf: (measure: Measure) => Threshold | null;
  /** Whether it is of all nodes. */
  readonly isCluster: boolean;
  /** Whether the history has been read: before, nothing is known to be lacking. */
  readonly isLoaded: boolean;
  /** Whether the node, or any, answers. */
  readonly isOnline: boolean;
}

export function chartDataOf(timeline: Timeline, measure: Measure, context: ChartContext): ChartData {
  const columns = timeline.columns(measure);
  const now = timeline.now(measure);
  const hasData = columns.avg.some((value) => value !== null);
  return {
    columns,
    now,
    quantiles: context.isCluster ? timeline.quantiles(measure) : null,
    threshold: context.thresholdOf(measure),
    fromSeconds: context.fromSeconds,
    isLoaded: context.isLoaded,
    emptyReason: hasData || !context.isLoaded ? null : emptyReasonOf(measure, context.isOnline && now === null),
  };
}

/** `isAbsent`: a round told everything but this measure. */
function emptyReasonOf(measure: Measure, isAbsent: boolean): string {
  const absent: Partial<Readonly<Record<Measure, string>>> = wording.absent;
  return (isAbsent ? absent[measure] : undefined) ?? wording.noHistory;
}

/** Whether the line of a cluster's chart is the median of its nodes, wherever that is known; else it is their average. */
export function isMedian({ quantiles }: ChartData): boolean {
  return quantiles?.median.some((value) => value !== null) ?? false;
}

/** Where the axis begins, Unix seconds, for a range that ends at `endSeconds`. */
export function axisStart(fromSeconds: number | null, endSeconds: number, rangeSeconds: number): number {
  const start = endSeconds - rangeSeconds;
  return fromSeconds === null ? start : Math.max(start, Math.min(fromSeconds, endSeconds - MIN_SPAN_SECONDS));
}

/** Length of a step in seconds; 0 where there are not two. */
export function stepOf({ x }: Columns): number {
  return x.length < 2 ? 0 : (x[1] as number) - (x[0] as number);
}

/** Since when a chart has data, and since when more than their average; `null` where that is as long as its axis. */
export interface DataStart {
  readonly dataSeconds: number | null;
  /** `"never"`: only the average is known. */
  readonly quantilesSeconds: number | "never" | null;
}

/** `startSeconds`: of the range, whatever part of it the axis shows. */
export function dataStartOf({ columns, quantiles, isLoaded }: ChartData, startSeconds: number): DataStart {
  const { x, avg } = columns;
  const first = avg.findIndex((value) => value !== null);
  if (first === -1 || !isLoaded) return { dataSeconds: null, quantilesSeconds: null };
  const step = stepOf(columns);
  const began = x[first] as number;
  const dataSeconds = began > startSeconds + 3 * step ? began : null;
  if (quantiles === null) return { dataSeconds, quantilesSeconds: null };
  const firstQuantiles = quantiles.median.findIndex((value) => value !== null);
  if (firstQuantiles === -1) return { dataSeconds, quantilesSeconds: "never" };
  return { dataSeconds, quantilesSeconds: firstQuantiles > first + 1 ? (x[firstQuantiles] as number) : null };
}
