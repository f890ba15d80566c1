import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { AlertLogClient, ENTRIES_PER_RESULT_PAGE } from "../src/alerts/log_client.ts";
import { AlertLogEntries } from "../src/alerts/log_entries.ts";
import { AlertLogLoader, LOG_RETRY_SECONDS } from "../src/alerts/log_loader.ts";
import type { LogEntry } from "../src/contract.ts";
import { ALERTS } from "./golden.ts";

const ENTRY = ALERTS.entries[0] as LogEntry;
/** Number of the newest entry that the api has. */
let stored: number;
let asked: string[];
let told: (string | null)[];
let answer: (address: URL) => Response | Promise<Response>;
let log: AlertLogEntries;
let loader: AlertLogLoader;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  stored = 3;
  asked = [];
  told = [];
  answer = well;
  const fetcher = async (path: unknown): Promise<Response> => {
    const address = new URL(path as string, "http://localhost");
    asked.push(address.pathname + address.search);
    return answer(address);
  };
  log = new AlertLogEntries();
  loader = new AlertLogLoader(log, (failure) => told.push(failure), new AlertLogClient(fetcher as typeof fetch));
});

afterEach(() => {
  loader.stop();
  mock.timers.reset();
});

/** Answers as the api does. */
function well({ searchParams }: URL): Response {
  const after = searchParams.get("after");
  const limit = Number(searchParams.get("limit"));
  const first = after === null ? Math.max(1, stored - limit + 1) : Number(after.split("-")[1]) + 1;
  const last = Math.min(stored, first + limit - 1);
  const entries = [];
  for (let number = first; number <= last; number += 1) entries.push({ ...ENTRY, id: `7-${number}` });
  return Response.json({ entries, last_alert_id: entries.at(-1)?.id ?? after });
}

function tellOf(last: number): void {
  log.addAlerts({ ...ALERTS, entries: [], previous_alert_id: `7-${last}`, last_alert_id: `7-${last}` });
  loader.catchUp();
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
}

async function later(seconds: number): Promise<void> {
  mock.timers.tick(seconds * 1000);
  await settled();
}

test("the start reads the newest entries", async () => {
  loader.start();
  await settled();
  assert.deepEqual(asked, [`/api/alerts/log?limit=${ENTRIES_PER_RESULT_PAGE}`]);
  assert.deepEqual(told, [null]);
  assert.equal(log.entries.length, 3);
});

test("a gap is read from the last known position, page by page", async () => {
  loader.start();
  await settled();
  stored = 3 + ENTRIES_PER_RESULT_PAGE + 2;
  tellOf(stored);
  tellOf(stored);
  await settled();
  assert.deepEqual(asked.slice(1), [
    `/api/alerts/log?limit=${ENTRIES_PER_RESULT_PAGE}&after=7-3`,
    `/api/alerts/log?limit=${ENTRIES_PER_RESULT_PAGE}&after=7-${3 + ENTRIES_PER_RESULT_PAGE}`,
  ]);
  assert.equal(log.entries.length, stored);
  assert.equal(log.isBehind, false);
});

test("without a gap nothing is asked", async () => {
  loader.start();
  await settled();
  tellOf(3);
  await settled();
  assert.equal(asked.length, 1);
});

test("a failure is told and tried again after its time, whatever arrives meanwhile", async () => {
  answer = () => new Response("{}", { status: 503 });
  loader.start();
  await settled();
  assert.deepEqual(told, ["HTTP status 503"]);
  tellOf(3);
  await later(LOG_RETRY_SECONDS - 0.001);
  assert.equal(asked.length, 1);
  answer = () => Promise.reject(new TypeError("Failed to fetch"));
  await later(0.001);
  assert.deepEqual(told, ["HTTP status 503", "no answer"]);
  answer = well;
  await later(LOG_RETRY_SECONDS);
  assert.deepEqual(told.at(-1), null);
  assert.equal(log.entries.length, 3);
});

test("an answer that is no JSON is a failure", async () => {
  answer = () => new Response("<html>");
  loader.start();
  await settled();
  assert.deepEqual(told, ["no answer"]);
});

test("an api that does not have the newest entries is asked again after a time, not at once", async () => {
  loader.start();
  await settled();
  tellOf(5);
  await settled();
  assert.equal(asked.length, 2);
  assert.match(told.at(-1) ?? "", /newest/);
  stored = 5;
  await later(LOG_RETRY_SECONDS);
  assert.deepEqual(told.at(-1), null);
  assert.equal(log.position, "7-5");
});

test("an answer that arrives after stop is not taken, and nothing is asked any more", async () => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  answer = async (address) => {
    await held;
    return well(address);
  };
  loader.start();
  loader.stop();
  release();
  await settled();
  tellOf(9);
  await later(LOG_RETRY_SECONDS);
  assert.deepEqual(told, []);
  assert.equal(log.entries.length, 0);
  assert.equal(asked.length, 1);
});
