import assert from "node:assert/strict";
import test from "node:test";
import { axisLabel, dataStartLabel, timeLabel } from "../src/charts/time_labels.ts";

/** Return a Unix time on a Sunday, in local time. */
const sunday = (hours: number, minutes = 0): number => new Date(2026, 10, 29, hours, minutes).getTime() / 1000;
const HOUR = 3600;

test("a day label begins with the weekday", () => {
  assert.equal(axisLabel(sunday(0), 7 * 24 * HOUR, 24 * HOUR), "Sun 29");
  assert.equal(axisLabel(sunday(0), HOUR, 900), "Sun 29");
  assert.equal(timeLabel(sunday(15, 5), 24 * HOUR), "Sun 29 15:05");
});

test("a time label has 24 hours", () => {
  assert.equal(axisLabel(sunday(15, 5), 6 * HOUR, 300), "15:05");
  assert.equal(timeLabel(sunday(0, 5), HOUR), "00:05");
});

test("a time label has seconds when steps are below a minute", () => {
  assert.equal(timeLabel(sunday(15, 5) + 20, HOUR, 20), "15:05:20");
  assert.equal(timeLabel(sunday(15, 5), 6 * HOUR, 60), "15:05");
});

test("the start of data is rounded to the length of a step", () => {
  const week = 7 * 24 * HOUR;
  const end = sunday(23);
  assert.equal(dataStartLabel(sunday(14, 7), HOUR, 20, end), "14:07");
  assert.equal(dataStartLabel(sunday(14, 7), 6 * HOUR, 60, end), "14:07");
  assert.equal(dataStartLabel(sunday(14, 4), 24 * HOUR, 240, end), "Sun 29 about 14:05");
  assert.equal(dataStartLabel(sunday(14, 0), week, 1800, end), "Sun 29 about 14:00");
  assert.equal(dataStartLabel(sunday(14, 30), week, 1800, end), "Sun 29 about 15:00");
  // The last step has not ended, so the data cannot begin later.
  assert.equal(dataStartLabel(sunday(14, 30), week, 1800, sunday(14, 30)), "Sun 29 about 14:00");
});

test("axis labels within a minute differ", () => {
  assert.deepEqual(
    [0, 30, 60].map((later) => axisLabel(sunday(15, 5) + later, HOUR, 30)),
    ["15:05:00", "15:05:30", "15:06:00"],
  );
});
