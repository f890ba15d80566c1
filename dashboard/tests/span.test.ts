import assert from "node:assert/strict";
import test from "node:test";
import { rangeParameters } from "../src/charts/history_client.ts";
import { fromLocalInput, localInput, secondsOf, spanBetween, utc, widened } from "../src/charts/span.ts";
import { Timeline } from "../src/charts/timeline.ts";

const THREE = Date.parse("2026-11-30T03:00:00Z") / 1000;

test("a moment in an address is a timestamp in UTC", () => {
  assert.equal(utc(THREE), "2026-11-30T03:00:00Z");
  assert.equal(secondsOf("2026-11-30T03:00:00Z"), THREE);
  assert.equal(secondsOf("2026-11-30T03:00Z"), THREE);
  assert.equal(secondsOf("2026-11-30T03:00:00.250Z"), THREE);
  for (const text of ["", "2026-11-30", "2026-11-30T03:00:00", "2026-13-30T03:00:00Z", "yesterday", "1764471600"])
    assert.equal(secondsOf(text), null, text);
});

test("a part has its moments in order and is at least a minute long", () => {
  assert.deepEqual(spanBetween(THREE + 600, THREE), { from: THREE, to: THREE + 600 });
  assert.deepEqual(spanBetween(THREE, THREE + 10), { from: THREE - 25, to: THREE + 35 });
});

test("zooming out doubles the part and does not reach the future", () => {
  assert.deepEqual(widened({ from: 1000, to: 1200 }, 5000), { from: 900, to: 1300 });
  assert.deepEqual(widened({ from: 1000, to: 1200 }, 1250), { from: 850, to: 1250 });
});

test("a field for a moment has the reader's time zone", () => {
  assert.equal(fromLocalInput(localInput(THREE)), THREE);
  assert.equal(fromLocalInput(""), null);
});

test("a part of the history replaces the range in a request", () => {
  assert.deepEqual(rangeParameters({ rangeSeconds: 900, span: null }), { range_seconds: "900" });
  assert.deepEqual(rangeParameters({ rangeSeconds: 900, span: { from: THREE, to: THREE + 60 } }), {
    start: "2026-11-30T03:00:00Z",
    end: "2026-11-30T03:01:00Z",
  });
});

test("the grid of a part ends with the part, also where data is missing", () => {
  const timeline = new Timeline(40, 10, { from: THREE, to: THREE + 40 });
  timeline.load(
    {
      start: utc(THREE),
      end: utc(THREE + 40),
      step_seconds: 10,
      series: [],
    },
    { node: "a", measures: { cpu_usage: { min: [1, null], avg: [1, null], max: [1, null] } } },
    2,
  );
  assert.deepEqual(timeline.columns("cpu_usage").x, [THREE, THREE + 10, THREE + 20, THREE + 30]);
  assert.deepEqual(timeline.columns("cpu_usage").avg, [1, null, null, null]);
});
