/** How an active alert, and an entry of the log, looks in a row of a table or of a list. */

import { nodeAddress } from "../address.ts";
import type { Alert, Incident, LogEntry } from "../contract.ts";
import { asIs, type Fields } from "../fields.ts";
import { elapsed, momentAfter, shortMoment, wholeMoment } from "../format.ts";
import { messageText, messageWithoutNode } from "../message_texts.ts";
import { wordFor, wording } from "../wording.ts";
import { alertValue } from "./value.ts";

/** `now`: timestamp of the message that the alert stands in. */
export function fillAlert(fields: Fields, alert: Alert, now: string): void {
  fields.mark("alert", alert.id);
  fillSubject(fields, alert, alert.state, messageText(alert));
  fields.show("since", wording.forDuration(elapsed(alert.since, now)), asIs);
  fields.show("value", alertValue(alert), asIs);
}

/** `times`: how often this alert fired in the period. */
export function fillActive(fields: Fields, alert: Alert, now: string, times: number): void {
  fields.mark("alert", alert.id);
  fillSubject(fields, alert, alert.state, messageWithoutNode(alert));
  fillTime(fields, "began", alert.since, shortMoment(alert.since));
  fields.show("duration", elapsed(alert.since, now), asIs);
  fields.show("peak", alertValue({ rule: alert.rule, value: alert.peak ?? alert.value }), asIs);
  // One that is pending has not fired.
  fields.show("times", alert.state === "firing" ? Math.max(1, times) : times, wording.timesFired);
}

/** An incident that has ended. */
export function fillIncident(fields: Fields, incident: Incident, times: number): void {
  const { id, rule, node, severity, began, ended, peak } = incident;
  fields.mark("incident", id);
  fields.mark("severity", severity);
  fields.mark("transition", "resolved");
  fields.show("severity", severity, (word) => wordFor(wording.severity, word));
  fields.show("message", withFlapping(messageWithoutNode(incident), incident), asIs);
  fields.show("node", node, asIs);
  fields.link(nodeAddress(node));
  fillTime(fields, "began", began, shortMoment(began));
  if (ended !== null) fillTime(fields, "ended", ended, momentAfter(ended, began));
  fields.show("duration", ended === null ? "" : elapsed(began, ended), asIs);
  fields.show("peak", alertValue({ rule, value: peak }), asIs);
  fields.show("times", times, wording.timesFired);
}

export function fillEntry(fields: Fields, entry: LogEntry): void {
  fields.mark("entry", entry.id);
  fillSubject(fields, entry, entry.transition, messageWithoutNode(entry));
  fillTime(fields, "time", entry.timestamp, shortMoment(entry.timestamp));
}

/** `text` says the moment in short; the element has all of it. */
function fillTime(fields: Fields, name: string, timestamp: string, text: string): void {
  // As text, because what is today's does not stay so.
  fields.show(name, text, asIs);
  fields.attribute(name, "datetime", timestamp);
  fields.attribute(name, "title", wholeMoment(timestamp));
}

/** What is said of an alert, and whether it flaps. */
export function withFlapping(text: string, { flapping = 0 }: Pick<LogEntry, "flapping">): string {
  return flapping === 0 ? text : `${text} · ${wording.flapping(flapping)}`;
}

function fillSubject(
  fields: Fields,
  subject: Pick<LogEntry, "node" | "severity" | "flapping">,
  stands: string,
  text: string,
): void {
  const { node, severity } = subject;
  fields.mark("severity", severity ?? "");
  fields.mark("transition", stands);
  fields.show("severity", severity, (word) => (word === null ? "" : wordFor(wording.severity, word)));
  fields.show("transition", stands, (word) => wordFor(wording.transition, word));
  fields.show("message", withFlapping(text, subject), asIs);
  fields.show("node", node, asIs);
  // The begin of the log is of no node.
  if (node) fields.link(nodeAddress(node));
}
