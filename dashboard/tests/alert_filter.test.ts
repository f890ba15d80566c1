import assert from "node:assert/strict";
import { test } from "node:test";
import { isEmptyFilter, NO_FILTER, passesAlert, passesEntry } from "../src/alerts/alert_filter.ts";
import { incidentsCsvAddress } from "../src/alerts/incidents.ts";
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

function alertsWith(filter: Partial<typeof NO_FILTER>): string[] {
  return [FULL, DOWN].filter((alert) => passesAlert({ ...NO_FILTER, ...filter }, alert)).map((alert) => alert.rule);
}

test("the empty filter matches everything", () => {
  assert.deepEqual(alertsWith({}), ["filesystem_full", "node_down"]);
  assert.equal(passesEntry(NO_FILTER, STARTED), true);
  assert.equal(isEmptyFilter({ ...NO_FILTER, text: "  " }), true);
  assert.equal(isEmptyFilter({ ...NO_FILTER, severity: "info" }), false);
});

test("severity and state filter active alerts", () => {
  assert.deepEqual(alertsWith({ severity: "critical" }), ["node_down"]);
  assert.deepEqual(alertsWith({ transition: "pending" }), ["filesystem_full"]);
  assert.deepEqual(alertsWith({ transition: "resolved" }), []);
  assert.deepEqual(alertsWith({ severity: "critical", transition: "pending" }), []);
});

test("the text filter searches node and message, ignores case and has no wildcards", () => {
  assert.deepEqual(alertsWith({ text: " NODE6 " }), ["filesystem_full"]);
  assert.deepEqual(alertsWith({ text: "PI-É" }), ["node_down"]);
  assert.deepEqual(alertsWith({ text: "% full" }), ["filesystem_full"]);
  assert.deepEqual(alertsWith({ text: ".*" }), []);
});

test("the entry that begins the log has no severity and no node", () => {
  assert.equal(passesEntry({ ...NO_FILTER, severity: "info" }, STARTED), false);
  assert.equal(passesEntry({ ...NO_FILTER, transition: "firing" }, STARTED), false);
  assert.equal(passesEntry({ ...NO_FILTER, text: "null" }, STARTED), false);
  assert.equal(passesEntry({ ...NO_FILTER, text: "log starts" }, STARTED), true);
});

test("the pending filter matches an alert that did not fire", () => {
  const pended = golden("messages/log_pended") as LogEntry;
  assert.equal(passesEntry({ ...NO_FILTER, transition: "pending" }, pended), true);
  assert.equal(passesEntry({ ...NO_FILTER, transition: "resolved" }, pended), false);
});

test("the CSV address of incidents has the period and the filter", () => {
  assert.equal(incidentsCsvAddress(null, NO_FILTER), "/api/incidents?format=csv");
  assert.equal(
    incidentsCsvAddress(24, { severity: "critical", transition: "resolved", text: " a b" }),
    "/api/incidents?hours=24&format=csv&severity=critical&transition=resolved&q=a+b",
  );
});
