import assert from "node:assert/strict";
import { test } from "node:test";
import { isEmptyFilter, NO_FILTER, passesAlert, passesEntry } from "../src/alerts/alert_filter.ts";
import { incidentsCsvAddress } from "../src/alerts/incidents.ts";
import type { Alert, AlertLogPage, LogEntry } from "../src/contract.ts";
import { ALERT_SEARCH, type SearchedAlert } from "../src/search/alert_search.ts";
import { compile, portable, type Query } from "../src/search/query.ts";
import { isError } from "../src/search/terms.ts";
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

function queryOf(text: string): Query<SearchedAlert> {
  const query = compile(ALERT_SEARCH, text);
  assert.ok(!isError(query), text);
  return query;
}

/** Return the rules of the alerts that a search matches. */
function found(text: string): string[] {
  return alertsWith({ query: queryOf(text) });
}

function alertsWith(filter: Partial<typeof NO_FILTER>): string[] {
  return [FULL, DOWN].filter((alert) => passesAlert({ ...NO_FILTER, ...filter }, alert)).map((alert) => alert.rule);
}

test("the empty filter matches everything", () => {
  assert.deepEqual(alertsWith({}), ["filesystem_full", "node_down"]);
  assert.equal(passesEntry(NO_FILTER, STARTED), true);
  assert.equal(isEmptyFilter({ ...NO_FILTER, query: queryOf("  ") }), true);
  assert.equal(isEmptyFilter({ ...NO_FILTER, severity: "info" }), false);
});

test("severity and state filter active alerts", () => {
  assert.deepEqual(alertsWith({ severity: "critical" }), ["node_down"]);
  assert.deepEqual(alertsWith({ transition: "pending" }), ["filesystem_full"]);
  assert.deepEqual(alertsWith({ transition: "resolved" }), []);
  assert.deepEqual(alertsWith({ severity: "critical", transition: "pending" }), []);
});

test("words search node, label values and message, and ignore case", () => {
  assert.deepEqual(found(" NODE6 "), ["filesystem_full"]);
  assert.deepEqual(found("PI-É"), ["node_down"]);
  assert.deepEqual(found('"% full"'), ["filesystem_full"]);
  const labelled = { ...FULL, labels: { rack: "a", owner: "Physics" } };
  assert.equal(passesAlert({ ...NO_FILTER, query: queryOf("physics rack:a") }, labelled), true);
  assert.equal(passesAlert({ ...NO_FILTER, query: queryOf("rack:b") }, labelled), false);
});

test("keys search node, rule, severity and state", () => {
  assert.deepEqual(found("node:NODE6.lan"), ["filesystem_full"]);
  assert.deepEqual(found("node*"), ["filesystem_full"]);
  assert.deepEqual(found("rule:node_*,cpu"), ["node_down"]);
  assert.deepEqual(found("severity:critical"), ["node_down"]);
  assert.deepEqual(found("state:pending"), ["filesystem_full"]);
  assert.deepEqual(found("-transition:pending"), ["node_down"]);
});

test("the alert of a group is found by its label", () => {
  const group = { ...FULL, node: "", labels: {}, subject: { kind: "group", name: "rack=a" } };
  for (const text of ["rack:a", '"rack=a"', "subject:rack=*"])
    assert.equal(passesAlert({ ...NO_FILTER, query: queryOf(text) }, group), true, text);
  assert.equal(passesAlert({ ...NO_FILTER, query: queryOf("rack:b") }, group), false);
});

test("measures and keys of nodes are refused for alerts, and left out of links to the page of alerts", () => {
  for (const [text, reason] of [
    ["temp>70", "measure_of_alerts"],
    ["status:offline", "key_of_nodes"],
    ["severity:bad", "value_unknown"],
  ] as const) {
    const result = compile(ALERT_SEARCH, text);
    assert.equal(isError(result) && result.reason, reason);
  }
  assert.equal(portable(ALERT_SEARCH, 'rack:"row 7"  temp > 70 -node1* status:offline'), 'rack:"row 7" -node1*');
  assert.equal(portable(ALERT_SEARCH, 'rack:a "'), "");
});

test("the entry that begins the log has no severity and no node", () => {
  assert.equal(passesEntry({ ...NO_FILTER, severity: "info" }, STARTED), false);
  assert.equal(passesEntry({ ...NO_FILTER, transition: "firing" }, STARTED), false);
  assert.equal(passesEntry({ ...NO_FILTER, query: queryOf("null") }, STARTED), false);
  assert.equal(passesEntry({ ...NO_FILTER, query: queryOf("log starts") }, STARTED), true);
});

test("the pending filter matches an alert that did not fire", () => {
  const pended = golden("messages/log_pended") as LogEntry;
  assert.equal(passesEntry({ ...NO_FILTER, transition: "pending" }, pended), true);
  assert.equal(passesEntry({ ...NO_FILTER, transition: "resolved" }, pended), false);
  assert.equal(passesEntry({ ...NO_FILTER, query: queryOf("state:pending") }, pended), true);
  assert.equal(passesEntry({ ...NO_FILTER, query: queryOf("state:pended") }, pended), true);
});

test("the CSV address of incidents has the period, the severity and the transition", () => {
  assert.equal(incidentsCsvAddress(null, NO_FILTER), "/api/incidents?format=csv");
  assert.equal(
    incidentsCsvAddress(24, { severity: "critical", transition: "resolved" }),
    "/api/incidents?hours=24&format=csv&severity=critical&transition=resolved",
  );
});
