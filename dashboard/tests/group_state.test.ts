import assert from "node:assert/strict";
import test from "node:test";
import type { Node, NodeStatus, Severity } from "../src/contract.ts";
import { stateText, worstState } from "../src/groups/group_state.ts";
import { SNAPSHOT } from "./golden.ts";

/** Return the worst state of nodes, each with its status and the severity of its alert. */
function worst(...nodes: readonly (readonly [NodeStatus, (Severity | null)?])[]): string {
  const group = nodes.map(([status], index): Node => ({ ...(SNAPSHOT.nodes[0] as Node), node: `${index}`, status }));
  const { mark, severity } = worstState(group, ({ node }) => nodes[Number(node)]?.[1] ?? null);
  return `${mark} ${severity}`;
}

test("the worst state has the highest severity", () => {
  assert.equal(worst(["online", "warning"], ["online", "critical"], ["online", "info"]), "critical critical");
  assert.equal(worst(["online"], ["online", "info"], ["online", "warning"]), "warning warning");
  assert.equal(worst(["online"], ["online", "info"]), "info info");
});

test("an offline node without an alert counts as a warning, before the other warnings", () => {
  assert.equal(worst(["online", "warning"], ["offline"]), "offline warning");
  assert.equal(worst(["offline"], ["online", "warning"]), "offline warning");
  assert.equal(worst(["offline"], ["online", "critical"]), "critical critical");
  assert.equal(worst(["online", "critical"], ["offline", "critical"]), "offline critical");
});

test("a node that was not scraped yet is worse than an online node, and better than an alert", () => {
  assert.equal(worst(["online"], ["unknown"], ["online"]), "unknown null");
  assert.equal(worst(["unknown"], ["online", "info"], ["unknown"]), "info info");
  assert.equal(worst(["online"], ["online"]), "online null");
});

test("each state has the word of the pages", () => {
  assert.equal(stateText({ mark: "offline", severity: "warning" }), "Offline");
  assert.equal(stateText({ mark: "critical", severity: "critical" }), "Critical");
  assert.equal(stateText({ mark: "unknown", severity: null }), "Not yet scraped");
});
