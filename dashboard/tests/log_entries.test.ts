import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { AlertLogEntries, MAX_ENTRIES } from "../src/alerts/log_entries.ts";
import type { AlertLogPage, Alerts, LogEntry } from "../src/contract.ts";
import { ALERTS, golden } from "./golden.ts";

const PAGE = golden("rest/alert_log_page") as AlertLogPage;
const ENTRY = ALERTS.entries[0] as LogEntry;
let log: AlertLogEntries;

beforeEach(() => {
  log = new AlertLogEntries();
});

/** Entries `<epoch>-<first>` to `<epoch>-<last>`, oldest first. */
function entries(epoch: number, first: number, last: number): LogEntry[] {
  return Array.from({ length: last - first + 1 }, (_, index) => ({ ...ENTRY, id: `${epoch}-${first + index}` }));
}

function page(epoch: number, first: number, last: number): AlertLogPage {
  return { entries: entries(epoch, first, last), last_alert_id: `${epoch}-${last}` };
}

/** A message with the entries after `<epoch>-<first - 1>`. */
function alerts(epoch: number, first: number, last: number): Alerts {
  const previous_alert_id = `${epoch}-${first - 1}`;
  return { ...ALERTS, entries: entries(epoch, first, last), previous_alert_id, last_alert_id: `${epoch}-${last}` };
}

function ids(): string[] {
  return log.entries.map((entry) => entry.id);
}

test("a log is behind until its first result page and then has its position", () => {
  assert.equal(log.isBehind, true);
  assert.equal(log.addResultPage(PAGE), true);
  assert.equal(log.isBehind, false);
  assert.equal(log.position, PAGE.last_alert_id);
  assert.deepEqual(log.entries, [...PAGE.entries].reverse());
});

test("an empty log is complete after its empty result page", () => {
  log.addResultPage({ entries: [], last_alert_id: null });
  assert.equal(log.isBehind, false);
  assert.equal(log.position, null);
});

test("entries are sorted newest first by epoch and number", () => {
  log.addResultPage({ entries: [...entries(9, 9, 10), ...entries(10, 1, 2)], last_alert_id: "10-2" });
  assert.deepEqual(ids(), ["10-2", "10-1", "9-10", "9-9"]);
});

test("a repeated message adds its entries once", () => {
  log.addResultPage(page(7, 1, 2));
  log.addAlerts(alerts(7, 3, 4));
  log.addAlerts(alerts(7, 3, 4));
  assert.deepEqual(ids(), ["7-4", "7-3", "7-2", "7-1"]);
  assert.equal(log.position, "7-4");
  assert.equal(log.isBehind, false);
});

test("a message that overlaps the position advances it", () => {
  log.addResultPage(page(7, 1, 3));
  log.addAlerts(alerts(7, 2, 5));
  assert.equal(log.position, "7-5");
  assert.equal(log.isBehind, false);
});

test("a message older than the result page changes nothing", () => {
  log.addResultPage(page(7, 1, 5));
  log.addAlerts(alerts(7, 2, 3));
  assert.equal(log.position, "7-5");
  assert.equal(log.isBehind, false);
});

test("entries after a gap are shown, and the position waits for the missing entries", () => {
  log.addResultPage(page(7, 1, 2));
  log.addAlerts(alerts(7, 5, 6));
  log.addAlerts(alerts(7, 7, 7));
  assert.deepEqual(ids(), ["7-7", "7-6", "7-5", "7-2", "7-1"]);
  assert.equal(log.position, "7-2");
  assert.equal(log.isBehind, true);
  assert.equal(log.addResultPage(page(7, 3, 4)), true);
  assert.equal(log.isBehind, true);
  log.addResultPage(page(7, 5, 7));
  assert.deepEqual(ids(), ["7-7", "7-6", "7-5", "7-4", "7-3", "7-2", "7-1"]);
  assert.equal(log.isBehind, false);
});

test("a message without entries announces missed entries", () => {
  log.addResultPage(page(7, 1, 2));
  log.addAlerts({ ...ALERTS, entries: [], previous_alert_id: "7-9", last_alert_id: "7-9" });
  assert.equal(log.isBehind, true);
  assert.equal(log.position, "7-2");
});

test("messages before the first result page do not move the position", () => {
  log.addAlerts({ ...alerts(7, 5, 6), previous_alert_id: null });
  assert.equal(log.position, null);
  log.addResultPage(page(7, 1, 4));
  assert.equal(log.position, "7-4");
  assert.equal(log.isBehind, true);
});

test("a result page that does not advance the position is reported", () => {
  log.addResultPage(page(7, 1, 2));
  log.addAlerts(alerts(7, 5, 6));
  assert.equal(log.addResultPage({ entries: [], last_alert_id: "7-2" }), false);
  assert.equal(log.isBehind, true);
});

test("entries of a cleared log follow the known entries", () => {
  log.addResultPage(page(7, 1, 2));
  log.addAlerts({ ...alerts(8, 1, 1), previous_alert_id: null });
  assert.deepEqual(ids(), ["8-1", "7-2", "7-1"]);
  assert.equal(log.isBehind, false);
});

test("a long log keeps its newest entries", () => {
  log.addResultPage(page(7, 1, MAX_ENTRIES));
  log.addAlerts(alerts(7, MAX_ENTRIES + 1, MAX_ENTRIES + 3));
  assert.equal(log.entries.length, MAX_ENTRIES);
  assert.equal(ids()[0], `7-${MAX_ENTRIES + 3}`);
  assert.equal(ids().at(-1), "7-4");
  log.addResultPage(page(7, 1, 3));
  assert.equal(ids().at(-1), "7-4");
});
