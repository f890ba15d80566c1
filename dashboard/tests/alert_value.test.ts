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
