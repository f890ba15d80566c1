import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { RESOURCES } from "../src/contract.ts";
import type { Arrival } from "../src/live/freshness.ts";
import { POLL_INTERVAL_SECONDS, Polling } from "../src/live/polling.ts";
import { ALERTS, HEALTH, SNAPSHOT } from "./golden.ts";

let requests: string[];
let events: unknown[];
let respond: (path: string) => Response | Promise<Response>;
let polling: Polling;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  requests = [];
  events = [];
  respond = respondNormally;
  const fetcher = async (path: unknown): Promise<Response> => {
    requests.push(path as string);
    return respond(path as string);
  };
  polling = new Polling(
    {
      snapshot: (snapshot, arrival: Arrival) => events.push(["snapshot", snapshot.seq, arrival]),
      health: (health) => events.push(["health", health.overall_status]),
      alerts: (alerts) => events.push(["alerts", alerts.alert_count]),
      polled: (failure) => events.push(["polled", failure]),
    },
    fetcher as typeof fetch,
  );
});

afterEach(() => {
  polling.stop();
  mock.timers.reset();
});

function respondNormally(path: string): Response {
  const body = { [RESOURCES.snapshot]: SNAPSHOT, [RESOURCES.health]: HEALTH, [RESOURCES.alerts]: ALERTS }[path];
  return Response.json(body, { headers: { Age: "7" } });
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
}

test("the first poll is immediate and has all data with its age", async () => {
  polling.start();
  await settle();
  assert.deepEqual(requests.sort(), [RESOURCES.snapshot, RESOURCES.health, RESOURCES.alerts].sort());
  assert.deepEqual(events, [
    ["health", HEALTH.overall_status],
    ["alerts", ALERTS.alert_count],
    ["snapshot", SNAPSHOT.seq, { kind: "stated", ageSeconds: 7 }],
    ["polled", null],
  ]);
});

test("polls follow at the interval until stop", async () => {
  polling.start();
  polling.start();
  await settle();
  assert.equal(requests.length, 3);
  mock.timers.tick(POLL_INTERVAL_SECONDS * 1000 * 0.89);
  await settle();
  assert.equal(requests.length, 3);
  mock.timers.tick(POLL_INTERVAL_SECONDS * 1000 * 0.22);
  await settle();
  assert.equal(requests.length, 6);
  polling.stop();
  mock.timers.tick(POLL_INTERVAL_SECONDS * 1000 * 3);
  await settle();
  assert.equal(requests.length, 6);
});

test("a failed poll has a reason and is followed by the next poll", async () => {
  respond = () => new Response("{}", { status: 503 });
  polling.start();
  await settle();
  assert.deepEqual(events, [["polled", "HTTP status 503"]]);
  respond = () => Promise.reject(new TypeError("Failed to fetch"));
  mock.timers.tick(POLL_INTERVAL_SECONDS * 1000 * 1.11);
  await settle();
  assert.deepEqual(events.at(-1), ["polled", "no answer"]);
});

test("a response after stop is ignored", async () => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  respond = async (path) => {
    await held;
    return respondNormally(path);
  };
  polling.start();
  await settle();
  polling.stop();
  release();
  await settle();
  assert.deepEqual(events, []);
});

test("a response without an age has an unknown age", async () => {
  respond = (path) => Response.json({ [RESOURCES.snapshot]: SNAPSHOT }[path] ?? {});
  polling.start();
  await settle();
  assert.deepEqual(
    events.filter((item) => (item as unknown[])[0] === "snapshot"),
    [["snapshot", SNAPSHOT.seq, { kind: "stated", ageSeconds: null }]],
  );
});
