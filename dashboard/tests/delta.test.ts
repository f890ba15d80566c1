import assert from "node:assert/strict";
import test from "node:test";
import type { Delta } from "../src/contract.ts";
import { applyDelta, compareCodePoints } from "../src/live/delta.ts";
import { type DeltaCase, golden, goldenNames, SNAPSHOT } from "./golden.ts";

for (const name of goldenNames("deltas")) {
  test(`delta gives the next snapshot when ${name.replaceAll("_", " ")}`, () => {
    const { base, next, delta } = golden(`deltas/${name}`) as DeltaCase;
    if (delta === null) {
      assert.notDeepEqual(base, next);
      return;
    }
    const before = structuredClone(base);
    assert.deepEqual(applyDelta(base, delta), next);
    assert.deepEqual(base, before, "the base is left as it is");
  });
}

function step(change: Partial<Delta>): Delta {
  return { ...(golden("deltas/nothing_changes") as DeltaCase & { delta: Delta }).delta, ...change };
}

test("delta is old when its seq is not above the snapshot's", () => {
  assert.equal(applyDelta(SNAPSHOT, step({ seq: SNAPSHOT.seq, base_seq: SNAPSHOT.seq - 1 })), "old");
  assert.equal(applyDelta(SNAPSHOT, step({ epoch: SNAPSHOT.epoch - 1, seq: SNAPSHOT.seq + 9 })), "old");
});

test("delta is a gap when it starts from another state", () => {
  assert.equal(applyDelta(SNAPSHOT, step({ seq: SNAPSHOT.seq + 2, base_seq: SNAPSHOT.seq + 1 })), "gap");
  assert.equal(applyDelta(SNAPSHOT, step({ seq: SNAPSHOT.seq + 2, base_seq: SNAPSHOT.seq - 1 })), "gap");
  assert.equal(applyDelta(SNAPSHOT, step({ epoch: SNAPSHOT.epoch + 1 })), "gap");
});

test("unchanged nodes stay the same objects", () => {
  const { base, delta } = golden("deltas/values_change") as DeltaCase;
  assert.ok(delta !== null);
  const applied = applyDelta(base, delta);
  assert.ok(typeof applied === "object");
  const changed = new Set(delta.changed.map((change) => change.node));
  applied.nodes.forEach((node, index) => {
    assert.equal(node === base.nodes[index], !changed.has(node.node));
  });
});

test("names are ordered by code points", () => {
  const sorted = ["a", "a-b", "ab", "b", "\u00e9", "\uff5e", "\u{1f600}"];
  assert.deepEqual([...sorted].reverse().sort(compareCodePoints), sorted);
});
