/** The data of a chart at one moment, built from a timeline and its context. */

import type { Measure } from "../contract.ts";
import { wording } from "../wording.ts";
import type { TimedMark } from "./mark_lines.ts";
import type { QuantileColumns } from "./quantiles.ts";
import type { Span } from "./span.ts";
import type { Threshold } from "./thresholds.ts";
import type { Columns, Timeline } from "./timeline.ts";

/** Minimum length in seconds of an axis that fits its data. */
export const MIN_SPAN_SECONDS = 60;

export interface ChartData {
  readonly columns: Columns;
  /** The value of the last live round; `undefined` before the first live round. */
  readonly now: number | null | undefined;
  /** `null` for the chart of one node. */
  readonly quantiles: QuantileColumns | null;
  readonly threshold: Threshold | null;
  /**
   * Start of the axis in Unix seconds, if later than the start of the range; `null`: the axis covers the whole range.
   */
  readonly fromSeconds: number | null;
  /** The part of the history that the axis covers; `null`: the range up to now. */
  readonly span: Span | null;
  readonly marks: readonly TimedMark[];
  /** Whether the history was read. Until then, the beginning of the data is unknown. */
  readonly isLoaded: boolean;
  /** Why there is nothing to draw; `null` if there is data or if the reason is unknown. */
  readonly emptyReason: string | null;
}

export const EMPTY_CHART: ChartData = {
  columns: { x: [], min: [], avg: [], max: [] },
  now: undefined,
  quantiles: null,
  threshold: null,
  fromSeconds: null,
  span: null,
  marks: [],
  isLoaded: false,
  emptyReason: null,
};

/** What a page knows besides the timeline. */
export interface ChartContext {
  readonly fromSeconds: number | null;
  readonly thresholdOf: (measure: Measure) => Threshold | null;
  /** Whether the chart shows all nodes. */
  readonly isCluster: boolean;
  /** Whether the history was read. Until then, missing data has no reason. */
  readonly isLoaded: boolean;
  /** Whether the node, or any node of the cluster, is online. */
  readonly isOnline: boolean;
  /** As in `ChartData`; `null` and none without. */
  readonly span?: Span | null;
  readonly marks?: readonly TimedMark[];
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
    span: context.span ?? null,
    marks: context.marks ?? [],
    isLoaded: context.isLoaded,
    emptyReason: hasData || !context.isLoaded ? null : emptyReasonOf(measure, context.isOnline && now === null),
  };
}

/** `isMeasureMissing`: the last round has values, but not of this measure. */
function emptyReasonOf(measure: Measure, isMeasureMissing: boolean): string {
  const reasons: Partial<Readonly<Record<Measure, string>>> = wording.noValueReasons;
  return (isMeasureMissing ? reasons[measure] : undefined) ?? wording.noHistory;
}

/**
 * Whether the line of a cluster's chart is the median of its nodes. If the median is unknown, the line is the average.
 */
export function isMedian({ quantiles }: ChartData): boolean {
  return quantiles?.median.some((value) => value !== null) ?? false;
}

/** Start of the axis in Unix seconds, for a range that ends at `endSeconds`. */
export function axisStart(fromSeconds: number | null, endSeconds: number, rangeSeconds: number): number {
  const start = endSeconds - rangeSeconds;
  return fromSeconds === null ? start : Math.max(start, Math.min(fromSeconds, endSeconds - MIN_SPAN_SECONDS));
}

/** Return both ends of the axis; `endSeconds`: the newest step. */
export function axisOf(
  { fromSeconds, span }: Pick<ChartData, "fromSeconds" | "span">,
  endSeconds: number | null,
  rangeSeconds: number,
): [number, number] {
  if (span !== null) return [span.from, span.to];
  return endSeconds === null ? [0, 1] : [axisStart(fromSeconds, endSeconds, rangeSeconds), endSeconds];
}

/** Mean of the known values; `null` without any. */
export function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** Length of a step in seconds; 0 if there are fewer than two steps. */
export function stepOf({ x }: Columns): number {
  return x.length < 2 ? 0 : (x[1] as number) - (x[0] as number);
}

/** When the data of a chart begins, and when its quantiles begin; `null` if at the start of the axis. */
export interface DataStart {
  readonly dataSeconds: number | null;
  /** `"never"`: only the average is known. */
  readonly quantilesSeconds: number | "never" | null;
}

/** `startSeconds`: start of the chosen range, which may be before the start of the axis. */
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
