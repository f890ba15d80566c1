import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { RESOURCES } from "../src/contract.ts";
import type { Arrival } from "../src/live/freshness.ts";
import { POLL_INTERVAL_SECONDS, Polling } from "../src/live/polling.ts";
import { ALERTS, HEALTH, SNAPSHOT } from "./golden.ts";

let asked: string[];
let taken: unknown[];
let answer: (path: string) => Response | Promise<Response>;
let polling: Polling;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  asked = [];
  taken = [];
  answer = well;
  const fetcher = async (path: unknown): Promise<Response> => {
    asked.push(path as string);
    return answer(path as string);
  };
  polling = new Polling(
    {
      snapshot: (snapshot, arrival: Arrival) => taken.push(["snapshot", snapshot.seq, arrival]),
      health: (health) => taken.push(["health", health.overall_status]),
      alerts: (alerts) => taken.push(["alerts", alerts.alert_count]),
      polled: (failure) => taken.push(["polled", failure]),
    },
    fetcher as typeof fetch,
  );
});

afterEach(() => {
  polling.stop();
  mock.timers.reset();
});

function well(path: string): Response {
  const body = { [RESOURCES.snapshot]: SNAPSHOT, [RESOURCES.health]: HEALTH, [RESOURCES.alerts]: ALERTS }[path];
  return Response.json(body, { headers: { Age: "7" } });
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
}

test("first poll is at once and brings everything with its age", async () => {
  polling.start();
  await settled();
  assert.deepEqual(asked.sort(), [RESOURCES.snapshot, RESOURCES.health, RESOURCES.alerts].sort());
  assert.deepEqual(taken, [
    ["health", HEALTH.overall_status],
    ["alerts", ALERTS.alert_count],
    ["snapshot", SNAPSHOT.seq, { kind: "stated", ageSeconds: 7 }],
    ["polled", null],
  ]);
});

test("polls follow at the interval and end with stop", async () => {
  polling.start();
  polling.start();
  await settled();
  assert.equal(asked.length, 3);
  mock.timers.tick(POLL_INTERVAL_SECONDS * 1000 * 0.89);
  await settled();
  assert.equal(asked.length, 3);
  mock.timers.tick(POLL_INTERVAL_SECONDS * 1000 * 0.22);
  await settled();
  assert.equal(asked.length, 6);
  polling.stop();
  mock.timers.tick(POLL_INTERVAL_SECONDS * 1000 * 3);
  await settled();
  assert.equal(asked.length, 6);
});

test("a failed poll says why and the next one is made", async () => {
  answer = () => new Response("{}", { status: 503 });
  polling.start();
  await settled();
  assert.deepEqual(taken, [["polled", "HTTP status 503"]]);
  answer = () => Promise.reject(new TypeError("Failed to fetch"));
  mock.timers.tick(POLL_INTERVAL_SECONDS * 1000 * 1.11);
  await settled();
  assert.deepEqual(taken.at(-1), ["polled", "no answer"]);
});

test("an answer that arrives after stop is not taken", async () => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  answer = async (path) => {
    await held;
    return well(path);
  };
  polling.start();
  await settled();
  polling.stop();
  release();
  await settled();
  assert.deepEqual(taken, []);
});

test("an age that is not stated is not known", async () => {
  answer = (path) => Response.json({ [RESOURCES.snapshot]: SNAPSHOT }[path] ?? {});
  polling.start();
  await settled();
  assert.deepEqual(
    taken.filter((item) => (item as unknown[])[0] === "snapshot"),
    [["snapshot", SNAPSHOT.seq, { kind: "stated", ageSeconds: null }]],
  );
});
