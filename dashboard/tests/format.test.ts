import assert from "node:assert/strict";
import test from "node:test";
import * as format from "../src/format.ts";

test("an unknown value is a dash, not 0", () => {
  const formats = [format.percent, format.celsius, format.load, format.count, format.bytes, format.bytesPerSecond];
  for (const write of formats) {
    assert.equal(write(null), "–");
    assert.notEqual(write(0), "–");
  }
});

test("percent, degrees and load keep their decimals", () => {
  assert.equal(format.percent(12), "12.0\u00a0%");
  assert.equal(format.percent(100), "100.0\u00a0%");
  assert.equal(format.celsius(-3.25), "-3.3\u00a0°C");
  assert.equal(format.load(0.4), "0.40");
});

test("rates have decimal units", () => {
  const cases: [number, string][] = [
    [0, "0 B/s"],
    [999, "999 B/s"],
    [1000, "1.0 kB/s"],
    [1234, "1.2 kB/s"],
    [99_960, "100 kB/s"],
    [734_100, "734 kB/s"],
    [999_700, "1.0 MB/s"],
    [125_000_000, "125 MB/s"],
    [5e15, "5000 TB/s"],
  ];
  for (const [value, text] of cases) assert.equal(format.bytesPerSecond(value), text.replace(" ", "\u00a0"));
});

test("sizes have binary units", () => {
  assert.equal(format.bytes(8_201_310_208), "7.6\u00a0GiB");
  assert.equal(format.bytes(1023), "1023\u00a0B");
  assert.equal(format.bytes(1024), "1.0\u00a0KiB");
});

test("durations use their largest unit", () => {
  const cases: [number, string][] = [
    [-5, "0 s"],
    [0.9, "0 s"],
    [59.9, "59 s"],
    [60, "1 min"],
    [3599, "59 min"],
    [3600, "1 h"],
    [47.9 * 3600, "47 h"],
    [48 * 3600, "2 days"],
  ];
  for (const [seconds, text] of cases) assert.equal(format.duration(seconds), text.replace(" ", "\u00a0"));
  assert.equal(format.duration(Number.POSITIVE_INFINITY), "–");
});

test("elapsed time uses the server's timestamps only", () => {
  assert.equal(format.elapsed("2026-11-23T09:40:01.500Z", "2026-11-23T09:41:07.120Z"), "1\u00a0min");
  assert.equal(format.elapsed(null, "2026-11-23T09:41:07.120Z"), "–");
  assert.equal(format.elapsed("2026-11-23T09:40:01.500Z", ""), "–");
});

test("a moment of another day has its date", () => {
  const today = new Date("2026-11-23T12:00:00Z");
  assert.doesNotMatch(format.moment("2026-11-23T11:00:00Z", today, "en-GB"), /2026/);
  assert.match(format.moment("2026-11-20T11:00:00Z", today, "en-GB"), /2026/);
});

test("a short moment has the year only if it is old", () => {
  const today = new Date("2026-11-23T12:00:00Z");
  const ofDay = (day: string) => format.shortMoment(`${day}T12:00:00Z`, today, "en-GB").replaceAll("\u00a0", " ");
  assert.match(ofDay("2026-11-23"), /^\d\d:00:00$/);
  assert.match(ofDay("2026-11-20"), /^20 Nov \d\d:00:00$/);
  assert.match(ofDay("2026-01-20"), /^20 Jan \d\d:00:00$/);
  assert.match(ofDay("2025-11-25"), /^25\/11\/2025 \d\d:00:00$/);
});

test("a moment next to another has its date only if different", () => {
  const today = new Date("2026-11-23T12:00:00Z");
  const after = (began: string, ended: string) =>
    format.momentAfter(`${ended}T12:00:00Z`, `${began}T11:00:00Z`, today, "en-GB").replaceAll("\u00a0", " ");
  assert.match(after("2026-11-20", "2026-11-20"), /^\d\d:00:00$/);
  assert.match(after("2026-11-20", "2026-11-21"), /^21 Nov \d\d:00:00$/);
  assert.match(after("2026-11-20", "2026-11-23"), /^23 Nov \d\d:00:00$/);
});
