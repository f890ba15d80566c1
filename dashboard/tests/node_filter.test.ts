import assert from "node:assert/strict";
import test from "node:test";
import type { Node } from "../src/contract.ts";
import { filtered, mostSevereFirst, type NodeFilter, nodesCsvAddress } from "../src/nodes/node_filter.ts";
import { SNAPSHOT } from "./golden.ts";

function node(name: string, change: Partial<Node> = {}): Node {
  return { ...(SNAPSHOT.nodes[0] as Node), node: name, address: `${name}:9100`, ...change };
}

const NODES = [
  node("a", { cpu_usage: 10, status: "online" }),
  node("b", { cpu_usage: null, status: "offline" }),
  node("c", { cpu_usage: 30, status: "unknown" }),
  node("d", { cpu_usage: 10, status: "online", address: "10.0.0.4:9100" }),
];
const ALL: NodeFilter = { text: "", status: "", sort: "node" };

function names(filter: Partial<NodeFilter>, alertingNodes: string[] = []): string {
  return filtered(NODES, { ...ALL, ...filter }, new Set(alertingNodes))
    .map(({ node }) => node)
    .join("");
}

test("without a filter all nodes stand by their names", () => {
  assert.equal(names({}), "abcd");
  assert.equal(names({ sort: "-node" }), "dcba");
});

test("a measure that an older collector does not write is sorted as one that is not known", () => {
  const { iowait: _, ...older } = node("x");
  const nodes = [older as Node, node("y", { iowait: null }), node("z", { iowait: 3 })];
  assert.deepEqual(
    filtered(nodes, { ...ALL, sort: "-iowait" }, new Set()).map(({ node }) => node),
    ["z", "x", "y"],
  );
});

test("text is looked for in names and addresses, whatever its case", () => {
  assert.equal(names({ text: " A" }), "a");
  assert.equal(names({ text: "10.0" }), "d");
  assert.equal(names({ text: "nothing" }), "");
});

test("status filters, and trouble is offline or alerting", () => {
  assert.equal(names({ status: "online" }), "ad");
  assert.equal(names({ status: "unknown" }), "c");
  assert.equal(names({ status: "trouble" }, ["d"]), "bd");
});

test("sorted by a value, equal ones stand by name and unknown ones last", () => {
  assert.equal(names({ sort: "cpu_usage" }), "adcb");
  assert.equal(names({ sort: "-cpu_usage" }), "cadb");
});

test("sorted by status, the worst come first", () => {
  assert.equal(names({ sort: "status" }), "bcad");
});

test("gravest alerts come first, an offline node without one counts as a warning, and equal ones stay as they stood", () => {
  const troubles = new Map([
    ["d", { severity: "critical" }],
    ["a", { severity: "info" }],
    ["c", { severity: "warning" }],
  ] as const);
  assert.equal(
    mostSevereFirst([...NODES, node("e")], troubles)
      .map(({ node }) => node)
      .join(""),
    "dbcae",
  );
});

test("the table of the nodes has those that the filter lets through", () => {
  assert.equal(nodesCsvAddress(ALL), "/api/cluster/nodes?format=csv");
  assert.equal(
    nodesCsvAddress({ text: " a&b ", status: "trouble", sort: "-cpu_usage" }),
    "/api/cluster/nodes?format=csv&q=a%26b&status=trouble",
  );
});
