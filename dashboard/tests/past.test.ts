import assert from "node:assert/strict";
import test from "node:test";
import { type HistoryMoment, RESOLUTIONS } from "../src/contract.ts";
import { momentsUntil, placeOf } from "../src/past/moments.ts";
import { pastSnapshot } from "../src/past/past_snapshot.ts";
import { golden, SNAPSHOT } from "./golden.ts";

const NOW = Date.parse("2026-12-01T11:43:17Z") / 1000;
const AT = "2026-11-30T03:00:00Z";

test("moments cover the week in the steps of the history", () => {
  const moments = momentsUntil(NOW);
  assert.deepEqual(
    moments,
    moments.toSorted((a, b) => a - b),
  );
  assert.equal(new Set(moments).size, moments.length);
  assert.ok(moments[0]! - (NOW - 604_800) < 1800);
  assert.ok(NOW - moments.at(-1)! < 60);
  for (const [index, at] of moments.entries()) {
    const step = RESOLUTIONS.find(({ rangeSeconds }) => NOW - at <= rangeSeconds)?.stepSeconds ?? 0;
    assert.equal(at % step, 0);
    if (index > 0) assert.ok(at - moments[index - 1]! <= 1800);
  }
});

test("a moment has the place of the step that contains it", () => {
  assert.deepEqual(
    [5, 10, 14, 20, 99].map((at) => placeOf([10, 20, 30], at)),
    [0, 0, 0, 1, 2],
  );
  assert.equal(placeOf([], 5), 0);
});

test("a past snapshot has the nodes of today with the values of the moment", () => {
  const [first] = SNAPSHOT.nodes;
  const measures = { cpu_usage: 77, temperature: null };
  const nodes = [
    { node: first!.node, measures },
    { node: "gone", measures },
  ];
  const past = pastSnapshot(SNAPSHOT, { at: AT, step_seconds: 1800, known_since: null, nodes });
  assert.deepEqual(
    past.nodes.map(({ node }) => node),
    SNAPSHOT.nodes.map(({ node }) => node),
  );
  assert.equal(past.timestamp, AT);
  const [known, ...others] = past.nodes;
  assert.deepEqual([known!.cpu_usage, known!.status, known!.error], [77, "online", null]);
  // Values that the moment does not have are not those of today.
  assert.deepEqual([known!.memory_usage, known!.temperature], [null, null]);
  for (const { status, cpu_usage, error } of others)
    assert.deepEqual([status, cpu_usage, error], ["unknown", null, null]);
  const { total_nodes, online_nodes, avg_cpu, avg_temperature } = past.cluster_stats;
  assert.deepEqual([total_nodes, online_nodes, avg_cpu, avg_temperature], [SNAPSHOT.nodes.length, 1, 77, null]);
});

test("a golden moment has the fields that the wall reads", () => {
  const moment = golden("rest/history_moment") as HistoryMoment;
  const node = moment.nodes[0]!;
  const past = pastSnapshot({ ...SNAPSHOT, nodes: [{ ...SNAPSHOT.nodes[0]!, node: node.node }] }, moment);
  assert.equal(past.nodes[0]!.cpu_usage, node.measures.cpu_usage);
  assert.ok(moment.step_seconds > 0);
});
