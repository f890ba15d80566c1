import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { followParameters, setParameters } from "../src/address.ts";

/** The entries of a browser's history: the addresses' queries, and the place of the shown one. */
let entries: string[] = [];
let place = 0;
let listeners = new Set<() => void>();
let told: string[] = [];
let unfollow: (() => void)[] = [];

beforeEach(() => {
  [entries, place, listeners, told, unfollow] = [[""], 0, new Set(), [], []];
  const queryOf = (address: string): string => new URL(address, "http://page").search;
  Object.assign(globalThis, {
    location: {
      pathname: "/live",
      get search() {
        return entries[place];
      },
    },
    history: {
      state: null,
      pushState: (_state: null, _title: string, address: string) => {
        entries = [...entries.slice(0, place + 1), queryOf(address)];
        place += 1;
      },
      replaceState: (_state: null, _title: string, address: string) => {
        entries[place] = queryOf(address);
      },
    },
    window: {
      addEventListener: (_name: string, listener: () => void) => listeners.add(listener),
      removeEventListener: (_name: string, listener: () => void) => listeners.delete(listener),
    },
  });
});

afterEach(() => {
  for (const end of unfollow) end();
});

function follow(...names: string[]): void {
  unfollow.push(followParameters(names, () => told.push(names.join())));
}

function go(steps: number): void {
  place += steps;
  for (const listener of listeners) listener();
}

test("every followed parameter has the value of the entry, whichever was followed first", () => {
  for (const order of [
    ["q", "at"],
    ["at", "q"],
  ]) {
    [entries, place, told] = [[""], 0, []];
    for (const name of order) follow(name);
    setParameters({ q: "rack:a" }, true);
    setParameters({ at: "03:00" }, true);
    go(-1);
    assert.equal(location.search, "?q=rack%3Aa");
    assert.deepEqual(told, ["at"]);
    go(-1);
    assert.equal(location.search, "");
    assert.deepEqual(told, ["at", "q"]);
    go(2);
    assert.deepEqual([...new URLSearchParams(location.search).keys()].toSorted(), ["at", "q"]);
    assert.deepEqual(told.slice(2).toSorted(), ["at", "q"]);
    for (const end of unfollow) end();
  }
});

test("parameters of one follower are told once, and only what changed is told", () => {
  follow("q");
  follow("from", "to");
  setParameters({ from: "03:00", to: "04:00" }, true);
  go(-1);
  assert.deepEqual(told, ["from,to"]);
});

test("a parameter that nothing follows keeps its value", () => {
  setParameters({ measure: "temperature" });
  follow("at");
  setParameters({ at: "03:00" }, true);
  setParameters({ measure: "disk_usage" });
  go(-1);
  assert.equal(location.search, "?measure=disk_usage");
  go(1);
  assert.deepEqual(new URLSearchParams(location.search).get("measure"), "disk_usage");
});

test("a jump within the page tells nothing, and an ended follower is not told", () => {
  follow("at");
  follow("q");
  go(0);
  setParameters({ at: "03:00", q: "a" }, true);
  unfollow.shift()?.();
  go(-1);
  assert.deepEqual(told, ["q"]);
  unfollow.shift()?.();
  assert.equal(listeners.size, 0);
});
