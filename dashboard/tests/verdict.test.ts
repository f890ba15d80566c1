import assert from "node:assert/strict";
import test from "node:test";
import type { Alert, Alerts, Coded, Health, NodeStatus, Snapshot } from "../src/contract.ts";
import { withoutAlertIssues } from "../src/live/issues.ts";
import { countsSentence, countsText, severityByNode, verdictOf } from "../src/live/verdict.ts";
import { ALERTS, HEALTH, SNAPSHOT } from "./golden.ts";

const ALERT = ALERTS.active_alerts[0] as Alert;

function alert(rule: string, severity: Alert["severity"], node: string, state: Alert["state"] = "firing"): Alert {
  return { ...ALERT, id: `${rule}/${node}`, rule, severity, type: severity, node, state };
}

function alerts(...active_alerts: Alert[]): Alerts {
  return { ...ALERTS, active_alerts, alert_count: active_alerts.filter(({ state }) => state === "firing").length };
}

/** A message as collector 0.2 sends it. */
function health(online: number, total: number, overall_status: Health["overall_status"]): Health {
  const { firing: _, worst_firing_severity: __, ...old } = HEALTH;
  return { ...old, overall_status, nodes_online: online, nodes_total: total, issues: [] };
}

function snapshot(...statuses: NodeStatus[]): Snapshot {
  const [example] = SNAPSHOT.nodes;
  assert.ok(example !== undefined);
  const online_nodes = statuses.filter((status) => status === "online").length;
  const cluster_stats = { ...SNAPSHOT.cluster_stats, total_nodes: statuses.length, online_nodes };
  return {
    ...SNAPSHOT,
    cluster_stats,
    nodes: statuses.map((status, index) => ({ ...example, node: `n${index}`, status })),
  };
}

function verdict(of: { snapshot?: Snapshot; health?: Health; alerts?: Alerts }): [string, string] {
  const { tone, sentence } = verdictOf({ snapshot: null, health: null, alerts: null, ...of });
  return [tone, sentence];
}

test("the headline of a healthy cluster has the right plural", () => {
  assert.deepEqual(verdict({ health: health(50, 50, "healthy"), alerts: alerts() }), [
    "healthy",
    "All 50 nodes are healthy",
  ]);
  assert.deepEqual(verdict({ health: health(1, 1, "healthy"), alerts: alerts() }), ["healthy", "The node is healthy"]);
});

test("the headline has offline nodes and firing alerts in one sentence", () => {
  const now = alerts(
    alert("memory", "warning", "n1"),
    alert("swap", "warning", "n2"),
    alert("node_down", "warning", "n3"),
  );
  assert.deepEqual(verdict({ health: health(49, 50, "warning"), alerts: now }), [
    "warning",
    "1 node offline, 2 warnings",
  ]);
});

test("the counts match the sentence and include offline nodes", () => {
  const now = alerts(
    alert("memory", "warning", "n1"),
    alert("node_down", "warning", "n2"),
    alert("node_down", "critical", "n3"),
  );
  const { sentence, counts } = verdictOf({ snapshot: null, health: health(47, 50, "warning"), alerts: now });
  assert.deepEqual(counts, { offline: 3, critical: 0, warning: 1, info: 0 });
  assert.equal(sentence, "3 nodes offline, 1 warning");
  assert.equal(countsSentence(counts ?? assert.fail()), sentence);
  assert.equal(countsText(counts), "☒ 3 ▲ 1");
});

test("a cluster with a critical alert is critical when all nodes are online", () => {
  const now = alerts(alert("temperature", "critical", "n1"), alert("clock_offset", "info", "n1"));
  assert.deepEqual(verdict({ health: health(50, 50, "healthy"), alerts: now }), [
    "critical",
    "1 critical alert, 1 info alert",
  ]);
});

test("pending alerts do not count", () => {
  const now = alerts(alert("temperature", "critical", "n1", "pending"));
  assert.deepEqual(verdict({ health: health(2, 2, "healthy"), alerts: now }), ["healthy", "All 2 nodes are healthy"]);
});

test("the collector's counts precede the list of alerts, which may be cut", () => {
  const counted = { ...health(50, 50, "healthy"), firing: { critical: 700, warning: 2, info: 0 } };
  assert.deepEqual(verdict({ health: counted, alerts: alerts(alert("cpu", "warning", "n1")) }), [
    "critical",
    "700 critical alerts, 2 warnings",
  ]);
  const quiet = {
    ...health(50, 50, "healthy"),
    firing: { critical: 0, warning: 0, info: 0 },
    worst_firing_severity: null,
  };
  assert.deepEqual(verdict({ health: quiet }), ["healthy", "All 50 nodes are healthy"]);
});

test("an offline node counts before its alert fires and without a rule", () => {
  assert.deepEqual(verdict({ health: health(2, 3, "warning"), alerts: alerts() }), ["warning", "1 node offline"]);
  assert.deepEqual(verdict({ snapshot: snapshot("online", "offline", "unknown"), alerts: alerts() }), [
    "warning",
    "1 node offline",
  ]);
  assert.deepEqual(verdict({ health: health(0, 3, "critical"), alerts: alerts() }), [
    "critical",
    "All 3 nodes offline",
  ]);
});

test("an alert that outlasts the outage of its node counts", () => {
  const now = alerts(alert("node_down", "warning", "n1"));
  assert.deepEqual(verdict({ health: health(3, 3, "healthy"), alerts: now }), ["warning", "1 warning"]);
});

test("nodes that were not scraped yet are neither healthy nor offline", () => {
  assert.deepEqual(verdict({ health: health(2, 3, "healthy"), alerts: alerts() }), [
    "healthy",
    "1 node not yet scraped",
  ]);
  assert.deepEqual(verdict({ health: health(0, 0, "unknown"), alerts: alerts() }), ["unknown", "No nodes"]);
  assert.deepEqual(verdict({}), ["unknown", "Unknown"]);
});

test("counts have a text with shapes and a text for screen readers", () => {
  const counts = { offline: 0, critical: 1, warning: 2, info: 0 };
  assert.equal(countsText(counts), "✖ 1 ▲ 2");
  assert.equal(countsSentence(counts), "1 critical alert, 2 warnings");
  assert.equal(countsText({ offline: 0, critical: 0, warning: 0, info: 0 }), "");
});

test("the most severe alert of a node counts", () => {
  const worst = severityByNode([
    alert("clock_offset", "info", "a"),
    alert("temperature", "critical", "a"),
    alert("cpu", "warning", "a", "pending"),
  ]);
  assert.deepEqual([...worst], [["a", "critical"]]);
});

test("an issue that repeats the alert of a node is left out", () => {
  const { issues_coded: _, ...uncoded } = health(1, 3, "warning");
  const reported = {
    ...uncoded,
    issues: ["/x/nodes.yaml cannot be read", "n1 is offline: refused", "n10 is offline: refused"],
  };
  assert.deepEqual(withoutAlertIssues(reported, alerts(alert("node_down", "warning", "n1", "pending"))).issues, [
    "/x/nodes.yaml cannot be read",
    "n10 is offline: refused",
  ]);
  const offline = (node: string): Coded => ({ code: "node_offline", args: { node } });
  const coded = {
    ...reported,
    issues_coded: [{ code: "targets_file_invalid", args: {} }, offline("n1"), offline("n10")],
  };
  const kept = withoutAlertIssues(coded, alerts(alert("node_down", "warning", "n1")));
  assert.deepEqual(kept.issues_coded, [coded.issues_coded[0], offline("n10")]);
  const many = { ...reported, issues: ["n1 is offline: refused", "… and 30 more"] };
  assert.deepEqual(withoutAlertIssues(many, alerts(alert("node_down", "warning", "n1"))).issues, []);
  assert.equal(withoutAlertIssues(reported, null), reported);
});
