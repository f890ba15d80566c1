import assert from "node:assert/strict";
import { test } from "node:test";
import { alertValue } from "../src/alerts/alert_value.ts";

test("an alert value has the unit of its rule", () => {
  const value = (rule: string, value: number | null): string => alertValue({ rule, value }).replaceAll("\u00a0", " ");
  assert.equal(value("filesystem_full", 91.5), "91.5 %");
  assert.equal(value("swap", 80), "80.0 %");
  assert.equal(value("pressure", 61), "61.0 %");
  assert.equal(value("under_voltage", null), "–");
  assert.equal(value("temperature", 82), "82.0 °C");
  assert.equal(value("clock_offset", 3.24), "3.2 s");
  assert.equal(value("a_rule_to_come", 4), "4.0");
  assert.equal(value("node_down", null), "–");
});

test("the value of a rule of one's own has the unit of its metric", () => {
  const value = (metric: string, value: number): string =>
    alertValue({ rule: "mine", value, code: "measure_high", args: { metric } }).replaceAll("\u00a0", " ");
  assert.equal(value("swap_usage", 91.5), "91.5 %");
  assert.equal(value("temperature", 82), "82.0 °C");
  assert.equal(value("load1", 12.25), "12.25");
  assert.equal(value("memory_total_bytes", 2 ** 36), "64.0 GiB");
  assert.equal(value("disk_read_bytes_per_second", 1500), "1.5 kB/s");
  assert.equal(value("a_metric_to_come", 4), "4.0");
  const share = { rule: "rack_down", value: 30, code: "offline_share_high", args: {} };
  assert.equal(alertValue(share).replaceAll("\u00a0", " "), "30.0 %");
});
