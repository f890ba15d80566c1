import assert from "node:assert/strict";
import test from "node:test";
import { thresholdsOf } from "../src/charts/thresholds.ts";

const rule = (name: string, threshold: number | null, change: object = {}) =>
  ({ name, enabled: true, severity: "warning", threshold, ...change }) as const;

test("each measure has the threshold of its rule", () => {
  const rules = [
    rule("cpu", 95),
    rule("memory", 90),
    rule("filesystem_full", 85, { severity: "critical" }),
    rule("temperature", 80),
  ];
  assert.deepEqual(
    [...thresholdsOf({ rules })],
    [
      ["cpu_usage", { value: 95, severity: "warning" }],
      ["memory_usage", { value: 90, severity: "warning" }],
      ["disk_usage", { value: 85, severity: "critical" }],
      ["temperature", { value: 80, severity: "warning" }],
    ],
  );
});

test("a rule can set the threshold of two measures", () => {
  assert.deepEqual([...thresholdsOf({ rules: [rule("pressure", 50)] }).keys()], ["pressure_io", "pressure_memory"]);
});

test("a rule that is disabled, unknown or without a threshold draws no line", () => {
  const rules = [
    rule("cpu", 95, { enabled: false }),
    rule("node_down", null),
    rule("constructor", 3),
    rule("quorum", 3),
  ];
  assert.equal(thresholdsOf({ rules }).size, 0);
});
