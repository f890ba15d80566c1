import assert from "node:assert/strict";
import test from "node:test";
import type { HistoryTop } from "../src/contract.ts";
import { lastNight, ranked } from "../src/nodes/ranking.ts";
import { golden, SNAPSHOT } from "./golden.ts";

function nightOf(now: Date): [Date, Date] {
  const { from, to } = lastNight(now);
  return [new Date(from * 1000), new Date(to * 1000)];
}

test("the last night ends in the morning", () => {
  for (const hour of [7, 15, 23])
    assert.deepEqual(nightOf(new Date(2026, 11, 1, hour)), [new Date(2026, 10, 30, 22), new Date(2026, 11, 1, 6)]);
});

test("the last night ends now while it is night", () => {
  assert.deepEqual(nightOf(new Date(2026, 11, 1, 3)), [new Date(2026, 10, 30, 22), new Date(2026, 11, 1, 3)]);
});

test("nodes have the order of their ranking, and those without a value come last", () => {
  const nodes = ["a", "b", "c", "d"].map((node) => ({ ...SNAPSHOT.nodes[0]!, node }));
  const values = new Map([
    ["b", { value: 1, at: null }],
    ["d", { value: 9, at: null }],
  ]);
  const names = (descending: boolean): string[] => ranked(nodes, values, descending).map(({ node }) => node);
  assert.deepEqual(names(true), ["d", "b", "a", "c"]);
  assert.deepEqual(names(false), ["b", "d", "a", "c"]);
});

test("a golden ranking has the fields that the list reads", () => {
  const top = golden("rest/history_top") as HistoryTop;
  for (const field of ["measure", "by", "start", "end", "computed_at"] as const)
    assert.equal(typeof top[field], "string");
  assert.deepEqual(Object.keys(top.nodes[0]!).sort(), ["at", "node", "value"]);
});
