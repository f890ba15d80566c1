import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { type Arrival, Freshness, POLL_LIFETIME_SECONDS } from "../src/live/freshness.ts";

const LIVE: Arrival = { kind: "live" };
const INTERVAL_SECONDS = 2;

let freshness: Freshness;

beforeEach(() => {
  freshness = new Freshness();
});

function stated(ageSeconds: number | null): Arrival {
  return { kind: "stated", ageSeconds };
}

test("data is stale after three missed rounds, and after six seconds at the earliest", () => {
  freshness.pushConnected(99);
  freshness.noteSnapshot("newer", INTERVAL_SECONDS, LIVE, 100);
  assert.equal(freshness.ageSeconds(103), 3);
  assert.equal(freshness.state(106), "live");
  assert.equal(freshness.state(106.1), "stale");
  freshness.noteSnapshot("newer", 10, LIVE, 200);
  assert.equal(freshness.state(230), "live");
  assert.equal(freshness.state(230.1), "stale");
});

test("age continues from the age that the server sent at connect", () => {
  freshness.pushConnected(99);
  freshness.noteSnapshot("newer", INTERVAL_SECONDS, stated(42), 100);
  assert.equal(freshness.ageSeconds(103), 45);
  assert.equal(freshness.state(103), "stale");
  freshness.noteSnapshot("newer", INTERVAL_SECONDS, LIVE, 104);
  assert.equal(freshness.ageSeconds(105), 1);
  assert.equal(freshness.state(105), "live");
});

test("a repeated snapshot does not reset the age, and an age from the server corrects it", () => {
  freshness.noteSnapshot("newer", INTERVAL_SECONDS, LIVE, 100);
  freshness.noteSnapshot("same", INTERVAL_SECONDS, LIVE, 104);
  assert.equal(freshness.ageSeconds(105), 5);
  // The browser's clock stopped while the machine slept.
  freshness.noteSnapshot("same", INTERVAL_SECONDS, stated(3600), 106);
  assert.equal(freshness.ageSeconds(106), 3600);
  freshness.noteSnapshot("same", INTERVAL_SECONDS, stated(null), 107);
  assert.equal(freshness.ageSeconds(107), 3601);
});

test("a dropped snapshot changes nothing", () => {
  freshness.noteSnapshot("newer", INTERVAL_SECONDS, LIVE, 100);
  freshness.noteSnapshot("older", 300, stated(0), 150);
  assert.equal(freshness.ageSeconds(150), 50);
  assert.equal(freshness.state(150), "stale");
});

test("data of unknown age is stale", () => {
  freshness.pushConnected(-10);
  assert.equal(freshness.ageSeconds(0), null);
  assert.equal(freshness.state(0), "stale");
  freshness.noteSnapshot("newer", INTERVAL_SECONDS, stated(null), 1);
  assert.equal(freshness.ageSeconds(1), Number.POSITIVE_INFINITY);
  assert.equal(freshness.state(1), "stale");
});

test("a page without push is reconnecting, then polling, then stale when polls stop", () => {
  freshness.pushConnected(99);
  freshness.noteSnapshot("newer", INTERVAL_SECONDS, LIVE, 100);
  freshness.pushLost();
  assert.equal(freshness.state(102), "reconnecting");
  freshness.noteSnapshot("newer", INTERVAL_SECONDS, stated(1), 105);
  freshness.pollSucceeded(105);
  assert.equal(freshness.state(105), "polling");
  assert.equal(freshness.state(105 + POLL_LIFETIME_SECONDS), "polling", "data ages by design between polls");
  assert.equal(freshness.ageSeconds(135), 31);
  assert.equal(freshness.state(105 + POLL_LIFETIME_SECONDS + 1), "stale");
});

test("polls of an earlier outage do not count", () => {
  freshness.noteSnapshot("newer", INTERVAL_SECONDS, stated(0), 100);
  freshness.pollSucceeded(100);
  freshness.pushConnected(110);
  freshness.noteSnapshot("newer", INTERVAL_SECONDS, stated(0.5), 111);
  assert.equal(freshness.state(111), "live");
  freshness.pushLost();
  assert.equal(freshness.state(112), "reconnecting");
});

test("a poll with old data makes the page stale", () => {
  freshness.noteSnapshot("newer", INTERVAL_SECONDS, stated(20), 100);
  freshness.pollSucceeded(100);
  assert.equal(freshness.state(100), "stale");
});

test("a new connection keeps the page's state until its first snapshot, for two seconds", () => {
  freshness.noteSnapshot("newer", INTERVAL_SECONDS, stated(0), 100);
  freshness.pollSucceeded(100);
  freshness.pushConnected(120);
  assert.equal(freshness.state(121.9), "polling");
  assert.equal(freshness.state(122), "stale");
  freshness.pushLost();
  freshness.pushConnected(130);
  freshness.noteSnapshot("same", INTERVAL_SECONDS, stated(30), 130.1);
  assert.equal(freshness.state(130.1), "stale");
});
