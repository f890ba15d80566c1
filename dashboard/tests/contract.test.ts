import assert from "node:assert/strict";
import test from "node:test";
import { EVENTS, NAMESPACES } from "../src/contract.ts";
import { ALERTS, golden, goldenNames, HEALTH, SNAPSHOT } from "./golden.ts";

/** The fields that readers of the type use. The test fails if the contract renames one of them. */
const FIELDS_OF_NODE = [
  "node",
  "address",
  "role",
  "status",
  "is_healthy",
  "status_since",
  "error",
  "boot_time",
  "cpu_usage",
  "cpu_count",
  "load1",
  "memory_usage",
  "memory_total_bytes",
  "disk_usage",
  "disk_total_bytes",
  "temperature",
  "network_receive_bytes_per_second",
  "network_transmit_bytes_per_second",
  "disk_read_bytes_per_second",
  "disk_written_bytes_per_second",
  "iowait",
  "swap_usage",
  "pressure_io",
  "pressure_memory",
  "error_coded",
  "labels",
];

test("events have the names of the golden examples", () => {
  const spelled = new Set<string>(Object.values(EVENTS));
  for (const name of goldenNames("events")) {
    const [space, event] = name.includes(".") ? name.split(".") : [null, name];
    assert.ok(spelled.has(event as string), name);
    if (space) assert.ok(Object.keys(NAMESPACES).includes(space), name);
  }
});

test("golden nodes have exactly the fields of the type", () => {
  for (const node of SNAPSHOT.nodes) assert.deepEqual(Object.keys(node).sort(), [...FIELDS_OF_NODE].sort());
});

test("golden messages have the fields that pages read", () => {
  const read: readonly [object, readonly string[]][] = [
    [SNAPSHOT, ["cluster", "epoch", "seq", "timestamp", "interval_seconds", "simulated", "cluster_stats", "nodes"]],
    [HEALTH, ["overall_status", "nodes_online", "nodes_total", "issues", "issues_coded"]],
    [ALERTS, ["active_alerts", "alert_count", "entries", "previous_alert_id", "last_alert_id"]],
    [
      ALERTS.active_alerts[0]!,
      ["id", "rule", "node", "severity", "state", "value", "message", "since", "code", "args"],
    ],
    [ALERTS.entries[0]!, ["id", "timestamp", "transition", "alert_id", "node", "message", "since", "code", "args"]],
    [golden("events/monitoring.monitoring_connected") as object, ["age_seconds"]],
    [golden("events/error") as object, ["code", "message"]],
    [(golden("events/health.health_response") as { data: object }).data, ["redis", "collector"]],
  ];
  for (const [message, fields] of read) for (const field of fields) assert.ok(field in message, field);
});
