import assert from "node:assert/strict";
import test from "node:test";
import { yRange } from "../src/charts/scale.ts";

test("a scale goes to its ceiling, whatever the values", () => {
  assert.deepEqual(yRange(3, 140, 100, 1), [0, 100]);
});

test("a scale begins at 0, or near values that lie far from it, and below 0 for negative values alone", () => {
  assert.equal(yRange(10, 4000, null, 1000)[0], 0);
  assert.equal(yRange(50, 52, null, 100)[0], 48);
  // A steady load of half a processor.
  assert.equal(yRange(0.41, 0.72, null, 1)[0], 0);
  assert.equal(yRange(-12, 3, null, 100)[0], -12);
});

test("a scale has a top that can be read where there is nothing, or only 0", () => {
  assert.deepEqual(yRange(null, null, null, 1000), [0, 1000]);
  assert.deepEqual(yRange(0, 0, null, 1000), [0, 1000]);
});
