import assert from "node:assert/strict";
import test from "node:test";
import type { Alert } from "../src/contract.ts";
import { alertSummaryByNode } from "../src/nodes/node_fields.ts";
import { ALERTS } from "./golden.ts";

function alert(rule: string, severity: Alert["severity"], message: string, detail = ""): Alert {
  const [example] = ALERTS.active_alerts;
  assert.ok(example !== undefined);
  const id = `${rule}/n/1${detail === "" ? "" : `/${detail}`}`;
  return { ...example, id, rule, node: "n/1", severity, type: severity, state: "firing", message, code: null };
}

test("the summary has the most severe alert first, without the node's name", () => {
  const summaries = alertSummaryByNode([
    alert("clock_offset", "info", "n/1: late"),
    alert("temperature", "critical", "n/1 : 91 °C"),
  ]);
  assert.equal(summaries.get("n/1")?.text, "91 °C · late");
  assert.equal(summaries.get("n/1")?.severity, "critical");
});

test("a figure has the highest severity of the alerts about it", () => {
  const summaries = alertSummaryByNode([
    alert("memory", "warning", "a"),
    alert("temperature", "critical", "b"),
    alert("filesystem_full", "warning", "c", "/"),
    alert("pressure", "warning", "d", "memory"),
  ]);
  assert.deepEqual(Object.fromEntries(summaries.get("n/1")?.offending ?? []), {
    temperature: "critical",
    memory_usage: "warning",
    disk_usage: "warning",
    pressure_memory: "warning",
  });
});

test("a disk without a figure and an unknown rule mark no figure", () => {
  const summaries = alertSummaryByNode([
    alert("filesystem_full", "critical", "a", "/srv"),
    alert("raid", "critical", "b"),
  ]);
  assert.equal(summaries.get("n/1")?.offending.size, 0);
});

test("a pending alert marks no figure", () => {
  assert.equal(alertSummaryByNode([{ ...alert("memory", "warning", "a"), state: "pending" }]).size, 0);
});
