import assert from "node:assert/strict";
import { test } from "node:test";
import { EVERYTHING, isEverything, passesAlert, passesEntry } from "../src/alerts/filter.ts";
import { incidentsTable } from "../src/alerts/incidents.ts";
import type { Alert, AlertLogPage, LogEntry } from "../src/contract.ts";
import { ALERTS, golden } from "./golden.ts";

const [FULL, DOWN] = ALERTS.active_alerts as [Alert, Alert];
const STARTED: LogEntry = {
  ...(golden("rest/alert_log_page") as AlertLogPage).entries[0]!,
  transition: "started",
  node: null,
  severity: null,
  message: "the alert log starts here",
  code: "log_started",
  args: {},
};

function alertsWith(filter: Partial<typeof EVERYTHING>): string[] {
  return [FULL, DOWN].filter((alert) => passesAlert({ ...EVERYTHING, ...filter }, alert)).map((alert) => alert.rule);
}

test("no filter lets everything pass", () => {
  assert.deepEqual(alertsWith({}), ["filesystem_full", "node_down"]);
  assert.equal(passesEntry(EVERYTHING, STARTED), true);
  assert.equal(isEverything({ ...EVERYTHING, text: "  " }), true);
  assert.equal(isEverything({ ...EVERYTHING, severity: "info" }), false);
});

test("severity and state narrow what is active", () => {
  assert.deepEqual(alertsWith({ severity: "critical" }), ["node_down"]);
  assert.deepEqual(alertsWith({ transition: "pending" }), ["filesystem_full"]);
  assert.deepEqual(alertsWith({ transition: "resolved" }), []);
  assert.deepEqual(alertsWith({ severity: "critical", transition: "pending" }), []);
});

test("a text is found in the node or the message, in either case and as it is typed", () => {
  assert.deepEqual(alertsWith({ text: " NODE6 " }), ["filesystem_full"]);
  assert.deepEqual(alertsWith({ text: "PI-É" }), ["node_down"]);
  assert.deepEqual(alertsWith({ text: "% full" }), ["filesystem_full"]);
  assert.deepEqual(alertsWith({ text: ".*" }), []);
});

test("the begin of the log has neither severity nor node", () => {
  assert.equal(passesEntry({ ...EVERYTHING, severity: "info" }, STARTED), false);
  assert.equal(passesEntry({ ...EVERYTHING, transition: "firing" }, STARTED), false);
  assert.equal(passesEntry({ ...EVERYTHING, text: "null" }, STARTED), false);
  assert.equal(passesEntry({ ...EVERYTHING, text: "log starts" }, STARTED), true);
});

test("what was pending and did not fire is found as pending", () => {
  const pended = golden("messages/log_pended") as LogEntry;
  assert.equal(passesEntry({ ...EVERYTHING, transition: "pending" }, pended), true);
  assert.equal(passesEntry({ ...EVERYTHING, transition: "resolved" }, pended), false);
});

test("the table of the incidents has those that the filter lets through, of the period", () => {
  assert.equal(incidentsTable(null, EVERYTHING), "/api/incidents?format=csv");
  assert.equal(
    incidentsTable(24, { severity: "critical", transition: "resolved", text: " a b" }),
    "/api/incidents?hours=24&format=csv&severity=critical&transition=resolved&q=a+b",
  );
});
