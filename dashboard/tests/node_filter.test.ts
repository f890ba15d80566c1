import assert from "node:assert/strict";
import test from "node:test";
import type { Node } from "../src/contract.ts";
import { filtered, mostSevereFirst, type NodeFilter, nodesCsvAddress } from "../src/nodes/node_filter.ts";
import { NODE_SEARCH } from "../src/search/node_search.ts";
import { compile, EVERYTHING } from "../src/search/query.ts";
import { isError } from "../src/search/terms.ts";
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
const ALL: NodeFilter = { query: EVERYTHING, status: "", sort: "node" };

function names(filter: Partial<NodeFilter>, alertingNodes: string[] = []): string {
  return filtered(NODES, { ...ALL, ...filter }, new Set(alertingNodes))
    .map(({ node }) => node)
    .join("");
}

test("nodes without a filter are sorted by name", () => {
  assert.equal(names({}), "abcd");
  assert.equal(names({ sort: "-node" }), "dcba");
});

test("a missing measure is sorted as an unknown value", () => {
  const { iowait: _, ...older } = node("x");
  const nodes = [older as Node, node("y", { iowait: null }), node("z", { iowait: 3 })];
  assert.deepEqual(
    filtered(nodes, { ...ALL, sort: "-iowait" }, new Set()).map(({ node }) => node),
    ["z", "x", "y"],
  );
});

test("the search and the status both filter nodes", () => {
  const query = compile(NODE_SEARCH, "a,10.0 cpu<20");
  assert.ok(!isError(query));
  assert.equal(names({ query }), "ad");
  assert.equal(names({ query, status: "trouble" }, ["d"]), "d");
});

test("the status filter trouble matches offline and alerting nodes", () => {
  assert.equal(names({ status: "online" }), "ad");
  assert.equal(names({ status: "unknown" }), "c");
  assert.equal(names({ status: "trouble" }, ["d"]), "bd");
});

test("nodes sorted by a value are then sorted by name, unknown values last", () => {
  assert.equal(names({ sort: "cpu_usage" }), "adcb");
  assert.equal(names({ sort: "-cpu_usage" }), "cadb");
});

test("nodes sorted by status have the worst first", () => {
  assert.equal(names({ sort: "status" }), "bcad");
});

test("nodes are sorted by severity, offline nodes without an alert count as warnings, and equal nodes keep their order", () => {
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

test("the CSV address of nodes has the status", () => {
  assert.equal(nodesCsvAddress(ALL), "/api/cluster/nodes?format=csv");
  assert.equal(nodesCsvAddress({ status: "trouble" }), "/api/cluster/nodes?format=csv&status=trouble");
});
