import assert from "node:assert/strict";
import test from "node:test";
import { pathOf } from "../src/charts/sparkline.ts";

test("line spans the width, from 0 at the bottom to the ceiling at the top", () => {
  assert.equal(pathOf([0, 50, 100], 100), "M0.0 100.0h0L50.0 50.0L100.0 0.0");
  assert.equal(pathOf([300], 100), "M0.0 0.0h0");
});

test("line begins at the left with the first known value", () => {
  assert.equal(pathOf([null, null, 50, 100], 100), "M0.0 50.0h0L100.0 0.0");
  assert.equal(pathOf([null, null], 100), "");
});

test("missing values leave gaps in the line", () => {
  assert.equal(pathOf([10, null, 20], 100), "M0.0 90.0h0M100.0 80.0h0");
  assert.equal(pathOf([], 100), "");
});
