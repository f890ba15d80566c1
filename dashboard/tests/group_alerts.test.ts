/** Alerts of a group have no node: their rows show the whole message and no link to a node. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { fillAlert, fillEntry, fillIncident } from "../src/alerts/rows.ts";
import type { Alert, Incident, LogEntry } from "../src/contract.ts";
import type { Fields } from "../src/fields.ts";
import { ALERTS } from "./golden.ts";

const GROUP = ALERTS.active_alerts.find(({ node }) => node === "") as Alert;
const OF_NODE = ALERTS.active_alerts.find(({ node }) => node !== "") as Alert;
const MESSAGE = "rack=a: 1 of 2 nodes is offline, 50\u00a0% (rule rack_down: from 20\u00a0%)";

/** Fields that remember their texts and links. */
function recorded(fill: (fields: Fields) => void): { texts: Record<string, string>; links: string[] } {
  const texts: Record<string, string> = {};
  const links: string[] = [];
  fill({
    show<V>(name: string, value: V, format: (value: V) => string): void {
      texts[name] = format(value);
    },
    setLinks(address: string): void {
      links.push(address);
    },
    setData(): void {},
    attribute(): void {},
  } as unknown as Fields);
  return { texts, links };
}

test("rows of an alert of a group have the whole message and no link", () => {
  const entry = { ...GROUP, timestamp: GROUP.since, transition: "changed", alert_id: GROUP.id } as unknown as LogEntry;
  const incident = { ...GROUP, alert_id: GROUP.id, began: GROUP.since, ended: GROUP.since } as unknown as Incident;
  for (const { texts, links } of [
    recorded((fields) => fillAlert(fields, GROUP, ALERTS.timestamp)),
    recorded((fields) => fillEntry(fields, entry)),
    recorded((fields) => fillIncident(fields, incident, 1)),
  ]) {
    assert.equal(texts["message"], MESSAGE);
    assert.equal(texts["node"], "");
    assert.deepEqual(links, []);
  }
});

test("rows of an alert of a node have a link to the node", () => {
  const { links } = recorded((fields) => fillAlert(fields, OF_NODE, ALERTS.timestamp));
  assert.deepEqual(links, ["/nodes/node6.lan"]);
});

test("a change of severity has a name", () => {
  const entry = { ...GROUP, timestamp: GROUP.since, transition: "changed", alert_id: GROUP.id } as unknown as LogEntry;
  assert.equal(recorded((fields) => fillEntry(fields, entry)).texts["transition"], "Severity changed");
});
