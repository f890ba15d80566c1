import assert from "node:assert/strict";
import test from "node:test";
import { commonGrid, lastKnown, lineStyle, MAX_LINES, placeLabels, Slots } from "../src/charts/compare_data.ts";
import { Timeline } from "../src/charts/timeline.ts";

function timelineOf(values: readonly [number, number][], rangeSeconds = 40): Timeline {
  const timeline = new Timeline(rangeSeconds, 10);
  for (const [at, value] of values) timeline.add(at, { cpu_usage: value });
  return timeline;
}

test("lines of nodes have a common grid that ends with the newest step", () => {
  const early = timelineOf([
    [100, 1],
    [110, 2],
  ]);
  const late = timelineOf([
    [120, 5],
    [130, 6],
  ]);
  const { x, values } = commonGrid([early, undefined, late], "cpu_usage");
  assert.deepEqual(x, [100, 110, 120, 130]);
  assert.deepEqual(values, [
    [1, 2, null, null],
    [null, null, null, null],
    [null, null, 5, 6],
  ]);
});

test("a timeline with another step waits for its history", () => {
  const other = new Timeline(400, 100);
  other.add(130, { cpu_usage: 9 });
  const { values } = commonGrid([timelineOf([[130, 6]]), other], "cpu_usage");
  assert.deepEqual(values[0], [null, null, null, 6]);
  assert.deepEqual(values[1], [null, null, null, null]);
});

test("without data there is no grid", () => {
  assert.deepEqual(commonGrid([undefined], "cpu_usage"), { x: [], values: [[]] });
});

test("the last known value precedes the gap at the end of a line", () => {
  assert.equal(lastKnown([1, 2, null]), 2);
  assert.equal(lastKnown([null]), null);
});

test("all lines of a full chart differ in colour or dashes", () => {
  const styles = Array.from({ length: MAX_LINES }, (_, slot) => JSON.stringify(lineStyle(slot)));
  assert.equal(new Set(styles).size, MAX_LINES);
});

test("names at the ends of lines keep their distance and stay in the chart", () => {
  for (const wishes of [[50, 50, 50], [0, 1, 2, 3], [100, 99, 98], [10, 90], [], Array(12).fill(100) as number[]]) {
    const places = placeLabels(wishes, 100, 9);
    const sorted = places.toSorted((a, b) => a - b);
    assert.ok(
      sorted.every((place) => place >= -1e-9 && place <= 100 + 1e-9),
      `${wishes}: ${places}`,
    );
    for (const [index, place] of sorted.entries())
      if (index > 0) assert.ok(place - (sorted[index - 1] ?? 0) >= 9 - 1e-9, `${wishes}: ${places}`);
  }
  assert.deepEqual(placeLabels([20, 80], 100, 9), [20, 80]);
});

test("names have the order of their lines", () => {
  const places = placeLabels([60, 50, 55], 100, 10);
  assert.ok(places[1]! < places[2]! && places[2]! < places[0]!);
});

test("names that do not fit share the height", () => {
  assert.deepEqual(placeLabels([5, 5, 5], 10, 14), [0, 5, 10]);
});

test("a node keeps its place while others come and go, and the thirteenth has none", () => {
  const slots = new Slots();
  const names = Array.from({ length: 13 }, (_, index) => `n${index}`);
  assert.deepEqual(slots.add(names), ["n12"]);
  slots.remove("n3");
  assert.equal(slots.of("n4"), 4);
  assert.deepEqual(slots.add(["n12", "n12", "n0"]), []);
  assert.equal(slots.of("n12"), 3);
  assert.equal(slots.names.length, MAX_LINES);
});
