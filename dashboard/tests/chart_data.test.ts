import assert from "node:assert/strict";
import test from "node:test";
import { axisStart, type ChartContext, chartDataOf, dataStartOf, isMedian } from "../src/charts/chart_data.ts";
import { Timeline } from "../src/charts/timeline.ts";
import { tooltipOf } from "../src/charts/tooltip.ts";
import type { Distribution, History } from "../src/contract.ts";

/** 12:00:00 UTC. */
const NOON = Date.parse("2026-11-23T12:00:00Z") / 1000;
const CONTEXT: ChartContext = {
  fromSeconds: null,
  thresholdOf: () => null,
  isCluster: false,
  isLoaded: true,
  isOnline: true,
};

/** A history that ends at noon, in steps of ten seconds. */
function history(avg: readonly (number | null)[], distribution?: Distribution): History {
  const at = (seconds: number): string => new Date(seconds * 1000).toISOString();
  const measures = { cpu_usage: { min: avg, avg, max: avg } };
  const start = NOON - 10 * avg.length;
  return {
    start: at(start),
    end: at(NOON),
    step_seconds: 10,
    series: [{ node: null, measures }],
    ...(distribution && { distribution }),
  };
}

function timelineOf(known: History, rangeSeconds = 100): Timeline {
  const timeline = new Timeline(rangeSeconds, 10);
  timeline.load(known, known.series[0]!, 2);
  return timeline;
}

const TEN = [null, null, null, null, 40, 41, 42, 43, 44, 45];
/** Quantiles of the last three steps. */
const DISTRIBUTION: Distribution = {
  measures: {
    cpu_usage: {
      p10: [...Array(7).fill(null), 1, 2, 3],
      median: [...Array(7).fill(null), 10, 20, 30],
      p90: [...Array(7).fill(null), 50, 60, 70],
      max: [...Array(7).fill(null), 90, 91, 92],
      max_node: [...Array(7).fill(null), "a", "b", "c"],
    },
  },
};

test("a chart notes when its data begins if the range begins earlier", () => {
  const data = chartDataOf(timelineOf(history(TEN)), "cpu_usage", CONTEXT);
  assert.deepEqual(dataStartOf(data, NOON - 110), { dataSeconds: NOON - 60, quantilesSeconds: null });
});

test("a chart has no note before its history is read", () => {
  const data = chartDataOf(timelineOf(history(TEN)), "cpu_usage", { ...CONTEXT, isLoaded: false, isCluster: true });
  assert.deepEqual(dataStartOf(data, NOON - 110), { dataSeconds: null, quantilesSeconds: null });
});

test("a chart has no note if its data covers the range", () => {
  const data = chartDataOf(timelineOf(history([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])), "cpu_usage", CONTEXT);
  assert.deepEqual(dataStartOf(data, NOON - 110), { dataSeconds: null, quantilesSeconds: null });
});

test("a cluster chart notes when its quantiles begin", () => {
  const data = chartDataOf(timelineOf(history(TEN, DISTRIBUTION)), "cpu_usage", { ...CONTEXT, isCluster: true });
  assert.deepEqual(dataStartOf(data, NOON - 110), { dataSeconds: NOON - 60, quantilesSeconds: NOON - 30 });
  assert.deepEqual(data.quantiles?.median.slice(-3), [10, 20, 30]);
  assert.equal(isMedian(data), true);
  assert.deepEqual(data.quantiles?.maxNode.slice(-4), [null, "a", "b", "c"]);
});

test("a cluster chart notes that it has no quantiles", () => {
  const data = chartDataOf(timelineOf(history(TEN)), "cpu_usage", { ...CONTEXT, isCluster: true });
  assert.equal(dataStartOf(data, NOON - 110).quantilesSeconds, "never");
  assert.equal(isMedian(data), false);
  assert.equal(isMedian(chartDataOf(timelineOf(history(TEN)), "cpu_usage", CONTEXT)), false);
});

test("quantiles are dropped with their steps and with a grid of another step", () => {
  const timeline = timelineOf(history(TEN, DISTRIBUTION));
  timeline.add(NOON + 75, { cpu_usage: 50 });
  assert.deepEqual(timeline.quantiles("cpu_usage").median, [20, 30, ...Array(8).fill(null)]);
  const coarser = { ...history(TEN), step_seconds: 60 };
  timeline.load(coarser, coarser.series[0]!, 2);
  assert.ok(timeline.quantiles("cpu_usage").median.every((value) => value === null));
});

test("an axis that fits its data is at least a minute and at most the range", () => {
  assert.equal(axisStart(null, NOON, 3600), NOON - 3600);
  assert.equal(axisStart(NOON - 300, NOON, 3600), NOON - 300);
  assert.equal(axisStart(NOON - 4, NOON, 3600), NOON - 60);
  assert.equal(axisStart(NOON - 9000, NOON, 3600), NOON - 3600);
});

test("a timeline has the start of its data", () => {
  assert.equal(new Timeline(100, 10).firstSeconds, null);
  assert.equal(timelineOf(history(TEN)).firstSeconds, NOON - 60);
});

test("a chart without a sensor shows the reason when its history is read", () => {
  const timeline = timelineOf(history([]));
  timeline.add(NOON, { temperature: null, load1: null });
  const emptyReason = (
    change: Partial<ChartContext>,
    measure: "temperature" | "load1" = "temperature",
  ): string | null => chartDataOf(timeline, measure, { ...CONTEXT, ...change }).emptyReason;
  assert.equal(emptyReason({}), "No temperature sensor");
  assert.equal(emptyReason({ isLoaded: false }), null);
  assert.equal(emptyReason({ isOnline: false }), "No history in this range yet.");
  assert.equal(emptyReason({}, "load1"), "No history in this range yet.");
});

test("a chart with data in the range has no reason for being empty", () => {
  const timeline = new Timeline(100, 10);
  timeline.add(NOON, { temperature: 50 });
  timeline.add(NOON + 12, { temperature: null });
  assert.equal(chartDataOf(timeline, "temperature", CONTEXT).emptyReason, null);
});

test("the tooltip of a cluster chart has quantiles, or the average", () => {
  const data = chartDataOf(timelineOf(history(TEN, DISTRIBUTION)), "cpu_usage", { ...CONTEXT, isCluster: true });
  const options = { format: String, formatNow: String, isCluster: true, rangeSeconds: 3600 };
  const tooltip = (index: number): string => tooltipOf(data, index, options, false).replace(/^\d\d:\d\d:\d\d · /, "");
  assert.equal(tooltip(9), "median 30\n10–90 %: 3 – 70\nhighest 92, c");
  assert.equal(tooltip(5), "average 41");
});

test("the tooltip of a node chart has the mean and the range of a step", () => {
  const timeline = new Timeline(100, 10);
  timeline.add(NOON, { cpu_usage: 10 });
  timeline.add(NOON + 2, { cpu_usage: 30 });
  const data = chartDataOf(timeline, "cpu_usage", CONTEXT);
  const options = {
    format: (value: number | null) => `${value}\u00a0%`,
    formatNow: String,
    isCluster: false,
    rangeSeconds: 3600,
  };
  const tooltip = (isSmall: boolean): string => tooltipOf(data, 9, options, isSmall).replace(/^\d\d:\d\d:\d\d · /, "");
  assert.equal(tooltip(false), "mean 20 (10 – 30\u00a0%)");
  assert.equal(tooltip(true), "mean 20");
});
