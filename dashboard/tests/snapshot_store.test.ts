import assert from "node:assert/strict";
import test from "node:test";
import type { Node, Snapshot } from "../src/contract.ts";
import { LOWER_EPOCH_AFTER_SECONDS } from "../src/live/latest_message.ts";
import { SnapshotStore } from "../src/live/snapshot_store.ts";
import { type DeltaCase, golden, goldenNames, snapshotAt } from "./golden.ts";

/** Return a store with a subscription to all nodes. */
function subscribedStore(): SnapshotStore {
  const store = new SnapshotStore();
  store.subscribe(null);
  return store;
}

function withNodes(seq: number, values: Readonly<Record<string, number>>): Snapshot {
  const base = snapshotAt(5, seq);
  const nodes = Object.entries(values).map(([node, cpu_usage]) => ({ ...(base.nodes[0] as Node), node, cpu_usage }));
  return { ...base, nodes };
}

function cpuByNode(store: SnapshotStore): Record<string, number | null> {
  return Object.fromEntries((store.value?.nodes ?? []).map(({ node, cpu_usage }) => [node, cpu_usage]));
}

test("store is empty at first", () => {
  assert.equal(new SnapshotStore().value, null);
});

test("store accepts newer snapshots", () => {
  const store = subscribedStore();
  assert.equal(store.accept(snapshotAt(5, 1), 0), "newer");
  assert.equal(store.accept(snapshotAt(5, 2), 1), "newer");
  assert.equal(store.accept(snapshotAt(6, 1), 2), "newer");
  assert.deepEqual([store.value?.epoch, store.value?.seq], [6, 1]);
});

test("store replaces an equal snapshot", () => {
  const store = subscribedStore();
  store.accept(snapshotAt(5, 1), 0);
  const repeat = snapshotAt(5, 1);
  assert.equal(store.accept(repeat, 1), "same");
  assert.equal(store.value, repeat);
});

test("store drops a lower seq of the same epoch at any time", () => {
  const store = subscribedStore();
  const newest = snapshotAt(5, 7);
  store.accept(newest, 0);
  assert.equal(store.accept(snapshotAt(5, 6), 1000), "older");
  assert.equal(store.value, newest);
});

test("store accepts a lower epoch only after a while without newer snapshots", () => {
  const store = subscribedStore();
  store.accept(snapshotAt(5, 7), 100);
  assert.equal(store.accept(snapshotAt(4, 99), 100 + LOWER_EPOCH_AFTER_SECONDS - 0.1), "older");
  assert.equal(store.accept(snapshotAt(4, 99), 100 + LOWER_EPOCH_AFTER_SECONDS), "newer");
  assert.equal(store.value?.epoch, 4);
});

test("a repeated snapshot does not delay a lower epoch", () => {
  const store = subscribedStore();
  store.accept(snapshotAt(5, 7), 0);
  store.accept(snapshotAt(5, 7), LOWER_EPOCH_AFTER_SECONDS - 1);
  assert.equal(store.accept(snapshotAt(4, 1), LOWER_EPOCH_AFTER_SECONDS), "newer");
});

for (const name of goldenNames("deltas")) {
  test(`store applies the golden delta when ${name.replaceAll("_", " ")}`, () => {
    const { base, next, delta } = golden(`deltas/${name}`) as DeltaCase;
    const store = subscribedStore();
    store.accept(base, 0);
    if (delta === null) store.accept(next, 1);
    else assert.equal(store.acceptDelta(delta, 1), "newer");
    assert.deepEqual(store.value, next);
  });
}

test("store reports a delta that does not fit", () => {
  const { base, next, delta } = golden("deltas/nodes_come_and_go") as DeltaCase;
  assert.ok(delta !== null);
  const store = subscribedStore();
  assert.equal(store.acceptDelta(delta, 0), "gap");
  store.accept(base, 0);
  assert.equal(store.acceptDelta(delta, 1), "newer");
  assert.equal(store.acceptDelta(delta, 2), "older");
  assert.equal(store.acceptDelta({ ...delta, seq: next.seq + 2, base_seq: next.seq + 1 }, 3), "gap");
  assert.deepEqual(store.value, next);
});

test("a subscription to some nodes leaves the other nodes unchanged", () => {
  const store = subscribedStore();
  store.acceptFull(withNodes(1, { a: 1, b: 1, c: 1 }), 0);
  store.subscribe(["b", "x"]);
  assert.equal(store.accept(withNodes(2, { b: 2 }), 1), "newer");
  assert.deepEqual(cpuByNode(store), { a: 1, b: 2, c: 1 });
});

test("nodes of the subscription appear and disappear in the shown state, in order", () => {
  const store = subscribedStore();
  store.acceptFull(withNodes(1, { a: 1, c: 1 }), 0);
  store.subscribe(["b", "c"]);
  store.accept(withNodes(2, { b: 2 }), 1);
  assert.deepEqual(Object.keys(cpuByNode(store)), ["a", "b"]);
});

test("deltas apply to the subscription's state when a newer state is shown", () => {
  const { base, next, delta } = golden("deltas/values_change") as DeltaCase;
  assert.ok(delta !== null);
  const store = subscribedStore();
  // The page polled and is ahead of the replica.
  const ahead = { ...next, seq: next.seq + 5 };
  store.acceptFull(ahead, 0);
  store.subscribe(null);
  assert.equal(store.accept(base, 1), "older");
  assert.equal(store.acceptDelta(delta, 2), "older");
  assert.equal(store.value, ahead);
  assert.equal(store.acceptDelta({ ...delta, base_seq: next.seq, seq: ahead.seq + 1 }, 3), "newer");
});

test("a new subscription needs a snapshot before a delta", () => {
  const { base, delta } = golden("deltas/values_change") as DeltaCase;
  assert.ok(delta !== null);
  const store = subscribedStore();
  store.accept(base, 0);
  store.subscribe(["a"]);
  assert.equal(store.acceptDelta(delta, 1), "gap");
});
