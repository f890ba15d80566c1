import assert from "node:assert/strict";
import test, { beforeEach } from "node:test";
import { FoldedGroups } from "../src/groups/folded_groups.ts";

const KEY = "folded";
const A = { label: "rack", value: "a" };
const B = { label: "rack", value: "b" };
const NONE = { label: "rack", value: "" };
const stored = new Map<string, string>();

beforeEach(() => {
  stored.clear();
  const storage = {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => stored.set(name, value),
  };
  Object.defineProperty(globalThis, "sessionStorage", { value: storage, configurable: true });
});

test("the tab keeps the folded groups", () => {
  new FoldedGroups(KEY).set([A, NONE], true);
  const later = new FoldedGroups(KEY);
  assert.deepEqual(
    [A, B, NONE].map((group) => later.has(group)),
    [true, false, true],
  );
  later.set([A], false);
  assert.equal(new FoldedGroups(KEY).has(A), false);
});

test("a group of another label is another group", () => {
  const folded = new FoldedGroups(KEY);
  folded.set([A], true);
  assert.equal(folded.has({ label: "owner", value: "a" }), false);
});

test("no group is folded if the stored value is not understood", () => {
  for (const text of ["{", "7", '{"a": 1}', "null", '[1, {"a": 2}]']) {
    stored.set(KEY, text);
    assert.equal(new FoldedGroups(KEY).has(A), false, text);
  }
});
