import assert from "node:assert/strict";
import test from "node:test";
import { MEASURE_STYLES } from "../src/charts/measure_styles.ts";
import { bounds } from "../src/charts/scale.ts";
import { MEASURES } from "../src/contract.ts";

test("axes of counts and rates begin at 0 for high values too", () => {
  assert.deepEqual(bounds(MEASURE_STYLES.load1.scale, 3.9, 4), [0, 4 * 1.08]);
  assert.deepEqual(bounds(MEASURE_STYLES.network_receive_bytes_per_second.scale, 9e6, 1e7), [0, 1e7 * 1.08]);
});

test("axes of counts and rates have a minimum height", () => {
  assert.deepEqual(bounds(MEASURE_STYLES.load1.scale, 0, 0), [0, 1]);
  assert.deepEqual(bounds(MEASURE_STYLES.load1.scale, 0.01, 0.02), [0, 1]);
  assert.deepEqual(bounds(MEASURE_STYLES.disk_read_bytes_per_second.scale, 0, 12), [0, 1000]);
});

test("the axis of percentages does not depend on the values", () => {
  assert.deepEqual(bounds(MEASURE_STYLES.cpu_usage.scale, 40, 41), [0, 100]);
  assert.deepEqual(bounds(MEASURE_STYLES.swap_usage.scale, null, null), [0, 100]);
});

test("the axis of temperatures grows in whole steps for values outside", () => {
  const { scale } = MEASURE_STYLES.temperature;
  assert.deepEqual(bounds(scale, 46.9, 47.1), [20, 100]);
  assert.deepEqual(bounds(scale, 20, 100), [20, 100]);
  assert.deepEqual(bounds(scale, 12.5, 101), [10, 110]);
  assert.deepEqual(bounds(scale, -3, 40), [-10, 100]);
});

test("an axis without values has bounds", () => {
  for (const measure of MEASURES) {
    const [low, high] = bounds(MEASURE_STYLES[measure].scale, null, null);
    assert.ok(low >= 0 && high > low, measure);
  }
});
