import assert from "node:assert/strict";
import test from "node:test";
import type { Alert, Node, Severity } from "../src/contract.ts";
import { firingByNode, markOf, reasonOf, troubledNodes } from "../src/wall/troubled_nodes.ts";
import { ALERTS, SNAPSHOT } from "./golden.ts";

const SINCE = "2026-11-23T09:40:00.000Z";
const LATER = "2026-11-23T09:41:00.000Z";

function node(name: string, change: Partial<Node> = {}): Node {
  const [example] = SNAPSHOT.nodes;
  assert.ok(example !== undefined);
  return { ...example, node: name, status: "online", error: null, status_since: SINCE, ...change };
}

function alert(name: string, severity: Severity, change: Partial<Alert> = {}): Alert {
  const [example] = ALERTS.active_alerts;
  assert.ok(example !== undefined);
  return {
    ...example,
    node: name,
    severity,
    state: "firing",
    message: `${name}: hot`,
    code: null,
    since: SINCE,
    ...change,
  };
}

test("a pending alert does not mark a node", () => {
  const firing = firingByNode([alert("a", "critical", { state: "pending" })]);
  assert.equal(markOf(node("a"), firing), null);
  assert.deepEqual(troubledNodes([node("a")], firing), []);
});

test("the most severe alert marks the node, and the reason has all alerts", () => {
  const alerts = [alert("a", "info"), alert("a", "critical", { message: "disk full" }), alert("a", "warning")];
  const firing = firingByNode(alerts);
  assert.equal(markOf(node("a"), firing), "critical");
  assert.equal(reasonOf(node("a"), firing), "disk full · hot · hot");
});

test("an offline node is marked as offline, with its error as the reason", () => {
  const down = node("a", { status: "offline", error: "no route to host" });
  const firing = firingByNode([alert("a", "warning")]);
  assert.equal(markOf(down, firing), "offline");
  assert.equal(reasonOf(down, firing), "no route to host");
  assert.equal(reasonOf(node("a", { status: "offline" }), firing), null);
});

test("a node that was not scraped yet is marked but not in trouble", () => {
  const fresh = node("a", { status: "unknown" });
  assert.equal(markOf(fresh, new Map()), "unknown");
  assert.deepEqual(troubledNodes([fresh], new Map()), []);
});

test("nodes in trouble are sorted by severity, then offline first, then latest first", () => {
  const nodes = [
    node("warned"),
    node("critical"),
    node("down", { status: "offline" }),
    node("down-later", { status: "offline", status_since: LATER }),
    node("well"),
  ];
  const firing = firingByNode([alert("warned", "warning"), alert("critical", "critical")]);
  const names = troubledNodes(nodes, firing).map((trouble) => trouble.node.node);
  assert.deepEqual(names, ["critical", "down-later", "down", "warned"]);
  // An offline node has the severity of its alert.
  const lost = firingByNode([alert("down", "critical", { rule: "node_down" }), alert("critical", "critical")]);
  const [first] = troubledNodes(nodes, lost);
  assert.deepEqual([first?.node.node, first?.severity], ["down", "critical"]);
});
