import assert from "node:assert/strict";
import test from "node:test";
import type { Delta, Labels, Node } from "../src/contract.ts";
import { groupName } from "../src/groups/group_name.ts";
import { averageOf, groupsOf, labelNamesOf, labelOf } from "../src/groups/node_groups.ts";
import { applyDelta } from "../src/live/delta.ts";
import { SNAPSHOT } from "./golden.ts";

function node(name: string, labels?: Labels, change: Partial<Node> = {}): Node {
  const { labels: _, ...base } = SNAPSHOT.nodes[0] as Node;
  return { ...base, node: name, status: "online", ...(labels === undefined ? {} : { labels }), ...change };
}

function values(nodes: readonly Node[], label = "rack"): string[] {
  return groupsOf(nodes, label).map((group) => `${group.value}:${group.nodes.map((each) => each.node).join("")}`);
}

test("groups are sorted naturally, and the nodes without the label come last", () => {
  const nodes = [
    node("a"),
    node("b", { rack: "10" }),
    node("c", { owner: "x" }),
    node("d", { rack: "2" }),
    node("e", { rack: "rack 10" }),
    node("f", { rack: "rack 2" }),
  ];
  assert.deepEqual(values(nodes), ["2:d", "10:b", "rack 2:f", "rack 10:e", ":ac"]);
});

test("different texts of one number are different groups in a fixed order", () => {
  const nodes = [node("a", { rack: "7" }), node("b", { rack: "07" })];
  assert.deepEqual(values(nodes), ["07:b", "7:a"]);
  assert.deepEqual(values(nodes.toReversed()), ["07:b", "7:a"]);
});

test("the nodes of a group keep their order", () => {
  assert.deepEqual(values([node("z", { rack: "a" }), node("m", { rack: "b" }), node("a", { rack: "a" })]), [
    "a:za",
    "b:m",
  ]);
});

test("the labels of all nodes are offered once, sorted", () => {
  const nodes = [node("a", { zone: "n", rack: "1" }), node("b", { rack: "2", "10": "x", "9": "x" }), node("c")];
  assert.deepEqual(labelNamesOf(nodes), ["9", "10", "rack", "zone"]);
  assert.deepEqual(labelNamesOf([node("a"), node("b", {})]), []);
});

test("a label without a value, or with the name of a method, is missing", () => {
  assert.deepEqual(labelNamesOf([node("a", { rack: "" })]), []);
  assert.equal(labelOf(node("a", {}), "toString"), "");
  assert.equal(labelOf(node("a"), "rack"), "");
});

test("a delta with labels moves a node to another group", () => {
  const base = { ...SNAPSHOT, nodes: [node("a", { rack: "a" }), node("b", { rack: "a" })] };
  const { epoch, seq, timestamp, cluster_stats } = base;
  const change = { changed: [{ node: "b", labels: { rack: "b" } }], removed: [] };
  const delta: Delta = { epoch, seq: seq + 1, base_seq: seq, timestamp, cluster_stats, ...change };
  const applied = applyDelta(base, delta);
  assert.ok(typeof applied !== "string");
  assert.deepEqual(values(applied.nodes), ["a:a", "b:b"]);
});

test("the average has the known values of online nodes", () => {
  const nodes = [
    node("a", {}, { cpu_usage: 10 }),
    node("b", {}, { cpu_usage: 20 }),
    node("c", {}, { cpu_usage: null }),
    node("d", {}, { cpu_usage: 90, status: "offline" }),
  ];
  assert.equal(averageOf(nodes, "cpu_usage"), 15);
  assert.equal(averageOf(nodes.slice(2), "cpu_usage"), null);
});

test("the name of a group has its label", () => {
  assert.equal(groupName({ label: "rack", value: "07" }), "rack 07");
  assert.equal(groupName({ label: "rack", value: "" }), "without rack");
});
