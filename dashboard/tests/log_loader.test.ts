import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { AlertLogClient, ENTRIES_PER_RESULT_PAGE } from "../src/alerts/log_client.ts";
import { AlertLogEntries } from "../src/alerts/log_entries.ts";
import { AlertLogLoader, LOG_RETRY_SECONDS } from "../src/alerts/log_loader.ts";
import type { LogEntry } from "../src/contract.ts";
import { ALERTS } from "./golden.ts";

const ENTRY = ALERTS.entries[0] as LogEntry;
/** Number of the api's newest entry. */
let stored: number;
let requests: string[];
let results: (string | null)[];
let respond: (address: URL) => Response | Promise<Response>;
let log: AlertLogEntries;
let loader: AlertLogLoader;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  stored = 3;
  requests = [];
  results = [];
  respond = respondNormally;
  const fetcher = async (path: unknown): Promise<Response> => {
    const address = new URL(path as string, "http://localhost");
    requests.push(address.pathname + address.search);
    return respond(address);
  };
  log = new AlertLogEntries();
  loader = new AlertLogLoader(log, (failure) => results.push(failure), new AlertLogClient(fetcher as typeof fetch));
});

afterEach(() => {
  loader.stop();
  mock.timers.reset();
});

/** Responds like the api. */
function respondNormally({ searchParams }: URL): Response {
  const after = searchParams.get("after");
  const limit = Number(searchParams.get("limit"));
  const first = after === null ? Math.max(1, stored - limit + 1) : Number(after.split("-")[1]) + 1;
  const last = Math.min(stored, first + limit - 1);
  const entries = [];
  for (let number = first; number <= last; number += 1) entries.push({ ...ENTRY, id: `7-${number}` });
  return Response.json({ entries, last_alert_id: entries.at(-1)?.id ?? after });
}

function announce(last: number): void {
  log.addAlerts({ ...ALERTS, entries: [], previous_alert_id: `7-${last}`, last_alert_id: `7-${last}` });
  loader.catchUp();
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
}

async function advance(seconds: number): Promise<void> {
  mock.timers.tick(seconds * 1000);
  await settle();
}

test("the start reads the newest entries", async () => {
  loader.start();
  await settle();
  assert.deepEqual(requests, [`/api/alerts/log?limit=${ENTRIES_PER_RESULT_PAGE}`]);
  assert.deepEqual(results, [null]);
  assert.equal(log.entries.length, 3);
});

test("a gap is read from the position, in result pages", async () => {
  loader.start();
  await settle();
  stored = 3 + ENTRIES_PER_RESULT_PAGE + 2;
  announce(stored);
  announce(stored);
  await settle();
  assert.deepEqual(requests.slice(1), [
    `/api/alerts/log?limit=${ENTRIES_PER_RESULT_PAGE}&after=7-3`,
    `/api/alerts/log?limit=${ENTRIES_PER_RESULT_PAGE}&after=7-${3 + ENTRIES_PER_RESULT_PAGE}`,
  ]);
  assert.equal(log.entries.length, stored);
  assert.equal(log.isBehind, false);
});

test("no request is sent without a gap", async () => {
  loader.start();
  await settle();
  announce(3);
  await settle();
  assert.equal(requests.length, 1);
});

test("a failed read is reported and repeated after its wait, even if messages arrive", async () => {
  respond = () => new Response("{}", { status: 503 });
  loader.start();
  await settle();
  assert.deepEqual(results, ["HTTP status 503"]);
  announce(3);
  await advance(LOG_RETRY_SECONDS - 0.001);
  assert.equal(requests.length, 1);
  respond = () => Promise.reject(new TypeError("Failed to fetch"));
  await advance(0.001);
  assert.deepEqual(results, ["HTTP status 503", "no answer"]);
  respond = respondNormally;
  await advance(LOG_RETRY_SECONDS);
  assert.deepEqual(results.at(-1), null);
  assert.equal(log.entries.length, 3);
});

test("a response that is not JSON is a failure", async () => {
  respond = () => new Response("<html>");
  loader.start();
  await settle();
  assert.deepEqual(results, ["no answer"]);
});

test("the loader waits when the api lacks the newest entries", async () => {
  loader.start();
  await settle();
  announce(5);
  await settle();
  assert.equal(requests.length, 2);
  assert.match(results.at(-1) ?? "", /newest/);
  stored = 5;
  await advance(LOG_RETRY_SECONDS);
  assert.deepEqual(results.at(-1), null);
  assert.equal(log.position, "7-5");
});

test("a response after stop is ignored, and no request follows", async () => {
  let release = (): void => undefined;
  const blocked = new Promise<void>((resolve) => {
    release = resolve;
  });
  respond = async (address) => {
    await blocked;
    return respondNormally(address);
  };
  loader.start();
  loader.stop();
  release();
  await settle();
  announce(9);
  await advance(LOG_RETRY_SECONDS);
  assert.deepEqual(results, []);
  assert.equal(log.entries.length, 0);
  assert.equal(requests.length, 1);
});
