import assert from "node:assert/strict";
import test from "node:test";
import { LOWER_EPOCH_AFTER_SECONDS } from "../src/order.ts";
import { SnapshotStore } from "../src/snapshot_store.ts";
import { type DeltaCase, golden, snapshotAt } from "./golden.ts";

test("store is empty at first", () => {
  assert.equal(new SnapshotStore().value, null);
});

test("store takes what is newer", () => {
  const store = new SnapshotStore();
  assert.equal(store.take(snapshotAt(5, 1), 0), "newer");
  assert.equal(store.take(snapshotAt(5, 2), 1), "newer");
  assert.equal(store.take(snapshotAt(6, 1), 2), "newer");
  assert.deepEqual([store.value?.epoch, store.value?.seq], [6, 1]);
});

test("store replaces an equal snapshot", () => {
  const store = new SnapshotStore();
  store.take(snapshotAt(5, 1), 0);
  const repeat = snapshotAt(5, 1);
  assert.equal(store.take(repeat, 1), "same");
  assert.equal(store.value, repeat);
});

test("store drops a lower seq of the same epoch, however late", () => {
  const store = new SnapshotStore();
  const newest = snapshotAt(5, 7);
  store.take(newest, 0);
  assert.equal(store.take(snapshotAt(5, 6), 1000), "older");
  assert.equal(store.value, newest);
});

test("store takes a lower epoch only when nothing newer came for a while", () => {
  const store = new SnapshotStore();
  store.take(snapshotAt(5, 7), 100);
  assert.equal(store.take(snapshotAt(4, 99), 100 + LOWER_EPOCH_AFTER_SECONDS - 0.1), "older");
  assert.equal(store.take(snapshotAt(4, 99), 100 + LOWER_EPOCH_AFTER_SECONDS), "newer");
  assert.equal(store.value?.epoch, 4);
});

test("a repeat does not count as newer when a lower epoch waits", () => {
  const store = new SnapshotStore();
  store.take(snapshotAt(5, 7), 0);
  store.take(snapshotAt(5, 7), LOWER_EPOCH_AFTER_SECONDS - 1);
  assert.equal(store.take(snapshotAt(4, 1), LOWER_EPOCH_AFTER_SECONDS), "newer");
});

test("store steps by deltas and says when one does not fit", () => {
  const { base, next, delta } = golden("deltas/nodes_come_and_go") as DeltaCase;
  assert.ok(delta !== null);
  const store = new SnapshotStore();
  assert.equal(store.takeDelta(delta, 0), "gap");
  store.take(base, 0);
  assert.equal(store.takeDelta(delta, 1), "newer");
  assert.deepEqual(store.value, next);
  assert.equal(store.takeDelta(delta, 2), "older");
  assert.equal(store.takeDelta({ ...delta, seq: next.seq + 2, base_seq: next.seq + 1 }, 3), "gap");
  assert.deepEqual(store.value, next);
});
