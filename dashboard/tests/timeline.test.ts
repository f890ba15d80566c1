import assert from "node:assert/strict";
import test from "node:test";
import { Timeline } from "../src/charts/timeline.ts";
import type { History, Steps } from "../src/contract.ts";

/** 12:00:00 UTC. */
const NOON = Date.parse("2026-11-23T12:00:00Z") / 1000;

function flat(avg: (number | null)[]): Steps {
  return { min: avg.map((value) => value && value - 1), avg, max: avg.map((value) => value && value + 1) };
}

function historyFrom(startSeconds: number, stepSeconds: number, avg: (number | null)[]): History {
  const at = (seconds: number): string => new Date(seconds * 1000).toISOString();
  return {
    start: at(startSeconds),
    end: at(startSeconds + avg.length * stepSeconds),
    step_seconds: stepSeconds,
    series: [{ node: "a", measures: { cpu_usage: flat(avg) } }],
  };
}

function loaded(timeline: Timeline, history: History): Timeline {
  const [series] = history.series;
  assert.ok(series !== undefined);
  timeline.load(history, series, 2);
  return timeline;
}

test("an empty timeline has no columns", () => {
  assert.deepEqual(new Timeline(900, 10).columns("cpu_usage"), { x: [], min: [], avg: [], max: [] });
});

test("rounds of a step become one point with minimum and maximum", () => {
  const timeline = new Timeline(60, 10);
  for (const [second, value] of [
    [0, 10],
    [2, 30],
    [4, 20],
    [10, 50],
  ] as const) {
    timeline.add(NOON + second, { cpu_usage: value });
  }
  const { x, min, avg, max } = timeline.columns("cpu_usage");
  assert.deepEqual(x.slice(-2), [NOON, NOON + 10]);
  assert.deepEqual([min.at(-2), avg.at(-2), max.at(-2)], [10, 20, 30]);
  assert.deepEqual([min.at(-1), avg.at(-1), max.at(-1)], [50, 50, 50]);
});

test("the grid covers the range in equal steps, with gaps for missing values", () => {
  const timeline = loaded(new Timeline(100, 10), historyFrom(NOON - 100, 10, [1, 2, null, null, 5, 6, 7, 8, 9, 10]));
  timeline.add(NOON + 1, { cpu_usage: 11 });
  const { x, avg } = timeline.columns("cpu_usage");
  assert.equal(x.length, 10);
  assert.ok(x.every((at, index) => index === 0 || at - (x[index - 1] as number) === 10));
  assert.deepEqual(avg, [2, null, null, 5, 6, 7, 8, 9, 10, 11]);
});

test("history replaces live rounds where it has values", () => {
  const timeline = new Timeline(100, 10);
  timeline.add(NOON + 8, { cpu_usage: 40 });
  timeline.add(NOON + 12, { cpu_usage: 60 });
  loaded(timeline, historyFrom(NOON - 10, 10, [10, 20, null]));
  const { avg } = timeline.columns("cpu_usage");
  assert.deepEqual(avg.slice(-3), [10, 20, 60]);
});

test("live rounds continue a partial step of the history by its weight", () => {
  const timeline = new Timeline(3600, 60);
  timeline.add(NOON + 20, { cpu_usage: 10 });
  // Ten rounds of 10 % in these twenty seconds, then ten of 40 %.
  loaded(timeline, historyFrom(NOON, 60, [10]));
  for (let second = 22; second <= 40; second += 2) timeline.add(NOON + second, { cpu_usage: 40 });
  const { min, avg, max } = timeline.columns("cpu_usage");
  assert.equal(avg.at(-1), 25);
  assert.deepEqual([min.at(-1), max.at(-1)], [9, 40]);
});

test("unknown values add nothing", () => {
  const timeline = new Timeline(100, 10);
  timeline.add(NOON, { cpu_usage: null, temperature: 50 });
  assert.equal(timeline.columns("cpu_usage").avg.at(-1), null);
  assert.equal(timeline.columns("temperature").avg.at(-1), 50);
});

test("a history of another step replaces all values", () => {
  const timeline = new Timeline(3600, 10);
  timeline.add(NOON, { cpu_usage: 99 });
  loaded(timeline, historyFrom(NOON - 120, 60, [1, 2]));
  assert.deepEqual(
    timeline.columns("cpu_usage").avg.filter((value) => value !== null),
    [1, 2],
  );
});

test("values after the new time are dropped when the clock goes back", () => {
  const timeline = new Timeline(100, 10);
  timeline.add(NOON + 60, { cpu_usage: 1 });
  timeline.add(NOON, { cpu_usage: 2 });
  const { x, avg } = timeline.columns("cpu_usage");
  assert.equal(x.at(-1), NOON);
  assert.deepEqual(
    avg.filter((value) => value !== null),
    [2],
  );
});
