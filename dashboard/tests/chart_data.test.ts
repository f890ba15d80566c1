import assert from "node:assert/strict";
import test from "node:test";
import { axisStart, type ChartContext, chartDataOf, dataStartOf, isMedian } from "../src/charts/chart_data.ts";
import { Timeline } from "../src/charts/timeline.ts";
import { tooltipOf } from "../src/charts/tooltip.ts";
import type { Distribution, History } from "../src/contract.ts";

/** 12:00:00 UTC. */
const NOON = Date.parse("2026-11-23T12:00:00Z") / 1000;
const AROUND: ChartContext = {
  fromSeconds: null,
  thresholdOf: () => null,
  isCluster: false,
  isLoaded: true,
  isOnline: true,
};

/** A history of ten seconds a step that ends at noon. */
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
/** Of the last three steps. */
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

test("a chart says since when it has data where its range begins earlier", () => {
  const data = chartDataOf(timelineOf(history(TEN)), "cpu_usage", AROUND);
  assert.deepEqual(dataStartOf(data, NOON - 110), { dataSeconds: NOON - 60, quantilesSeconds: null });
});

test("a chart says nothing of that before its history is read", () => {
  const data = chartDataOf(timelineOf(history(TEN)), "cpu_usage", { ...AROUND, isLoaded: false, isCluster: true });
  assert.deepEqual(dataStartOf(data, NOON - 110), { dataSeconds: null, quantilesSeconds: null });
});

test("a chart says nothing of that where it has data over its range", () => {
  const data = chartDataOf(timelineOf(history([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])), "cpu_usage", AROUND);
  assert.deepEqual(dataStartOf(data, NOON - 110), { dataSeconds: null, quantilesSeconds: null });
});

test("a chart of all nodes says before when it has nothing but the average", () => {
  const data = chartDataOf(timelineOf(history(TEN, DISTRIBUTION)), "cpu_usage", { ...AROUND, isCluster: true });
  assert.deepEqual(dataStartOf(data, NOON - 110), { dataSeconds: NOON - 60, quantilesSeconds: NOON - 30 });
  assert.deepEqual(data.quantiles?.median.slice(-3), [10, 20, 30]);
  assert.equal(isMedian(data), true);
  assert.deepEqual(data.quantiles?.maxNode.slice(-4), [null, "a", "b", "c"]);
});

test("a chart of all nodes says so where it has nothing but the average at all", () => {
  const data = chartDataOf(timelineOf(history(TEN)), "cpu_usage", { ...AROUND, isCluster: true });
  assert.equal(dataStartOf(data, NOON - 110).quantilesSeconds, "never");
  assert.equal(isMedian(data), false);
  assert.equal(isMedian(chartDataOf(timelineOf(history(TEN)), "cpu_usage", AROUND)), false);
});

test("how the nodes' values lie is forgotten with its steps, and with a grid of another step", () => {
  const timeline = timelineOf(history(TEN, DISTRIBUTION));
  timeline.add(NOON + 75, { cpu_usage: 50 });
  assert.deepEqual(timeline.quantiles("cpu_usage").median, [20, 30, ...Array(8).fill(null)]);
  const coarser = { ...history(TEN), step_seconds: 60 };
  timeline.load(coarser, coarser.series[0]!, 2);
  assert.ok(timeline.quantiles("cpu_usage").median.every((value) => value === null));
});

test("an axis that fits its data begins with them, but is never too short, nor longer than the range", () => {
  assert.equal(axisStart(null, NOON, 3600), NOON - 3600);
  assert.equal(axisStart(NOON - 300, NOON, 3600), NOON - 300);
  assert.equal(axisStart(NOON - 4, NOON, 3600), NOON - 60);
  assert.equal(axisStart(NOON - 9000, NOON, 3600), NOON - 3600);
});

test("a timeline knows since when it has anything", () => {
  assert.equal(new Timeline(100, 10).firstSeconds, null);
  assert.equal(timelineOf(history(TEN)).firstSeconds, NOON - 60);
});

test("a node without a sensor says so, once its history is read", () => {
  const timeline = timelineOf(history([]));
  timeline.add(NOON, { temperature: null, load1: null });
  const emptyReason = (
    change: Partial<ChartContext>,
    measure: "temperature" | "load1" = "temperature",
  ): string | null => chartDataOf(timeline, measure, { ...AROUND, ...change }).emptyReason;
  assert.equal(emptyReason({}), "No temperature sensor");
  assert.equal(emptyReason({ isLoaded: false }), null);
  assert.equal(emptyReason({ isOnline: false }), "No history in this range yet.");
  assert.equal(emptyReason({}, "load1"), "No history in this range yet.");
});

test("a node that had a sensor in the range has its line", () => {
  const timeline = new Timeline(100, 10);
  timeline.add(NOON, { temperature: 50 });
  timeline.add(NOON + 12, { temperature: null });
  assert.equal(chartDataOf(timeline, "temperature", AROUND).emptyReason, null);
});

test("what is said under the cursor tells how the nodes lie, or that it is the average", () => {
  const data = chartDataOf(timelineOf(history(TEN, DISTRIBUTION)), "cpu_usage", { ...AROUND, isCluster: true });
  const as = { format: String, formatNow: String, isCluster: true, rangeSeconds: 3600 };
  const said = (index: number): string => tooltipOf(data, index, as, false).replace(/^\d\d:\d\d:\d\d · /, "");
  assert.equal(said(9), "median 30\n10–90 %: 3 – 70\nhighest 92, c");
  assert.equal(said(5), "average 41");
});

test("what is said under the cursor of a node's chart is a step's mean and extent", () => {
  const timeline = new Timeline(100, 10);
  timeline.add(NOON, { cpu_usage: 10 });
  timeline.add(NOON + 2, { cpu_usage: 30 });
  const data = chartDataOf(timeline, "cpu_usage", AROUND);
  const as = {
    format: (value: number | null) => `${value}\u00a0%`,
    formatNow: String,
    isCluster: false,
    rangeSeconds: 3600,
  };
  const said = (isSmall: boolean): string => tooltipOf(data, 9, as, isSmall).replace(/^\d\d:\d\d:\d\d · /, "");
  assert.equal(said(false), "mean 20 (10 – 30\u00a0%)");
  assert.equal(said(true), "mean 20");
});
