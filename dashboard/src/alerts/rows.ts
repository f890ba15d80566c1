/** Fills the rows of active alerts, incidents and log entries. */

import { nodeAddress } from "../address.ts";
import type { Alert, Incident, LogEntry } from "../contract.ts";
import { asIs, type Fields } from "../fields.ts";
import { elapsed, momentAfter, shortMoment, wholeMoment } from "../format.ts";
import { messageText, messageWithoutNode } from "../message_texts.ts";
import { wordFor, wording } from "../wording.ts";
import { alertValue } from "./alert_value.ts";

/** `now`: timestamp of the message that contains the alert. */
export function fillAlert(fields: Fields, alert: Alert, now: string): void {
  fields.setData("alert", alert.id);
  fillSubject(fields, alert, alert.state, messageText(alert));
  fields.show("since", wording.forDuration(elapsed(alert.since, now)), asIs);
  fields.show("value", alertValue(alert), asIs);
}

/** `times`: how often this alert fired in the period. */
export function fillActiveAlert(fields: Fields, alert: Alert, now: string, times: number): void {
  fields.setData("alert", alert.id);
  fillSubject(fields, alert, alert.state, messageWithoutNode(alert));
  fillTime(fields, "began", alert.since, shortMoment(alert.since));
  fields.show("duration", elapsed(alert.since, now), asIs);
  fields.show("peak", alertValue({ ...alert, value: alert.peak ?? alert.value }), asIs);
  // A pending alert has not fired yet.
  fields.show("times", alert.state === "firing" ? Math.max(1, times) : times, wording.timesFired);
}

/** Fill the row of an incident that has ended. */
export function fillIncident(fields: Fields, incident: Incident, times: number): void {
  const { id, node, severity, began, ended, peak } = incident;
  fields.setData("incident", id);
  fields.setData("severity", severity);
  fields.setData("transition", "resolved");
  fields.show("severity", severity, (word) => wordFor(wording.severity, word));
  fields.show("message", withFlapping(messageWithoutNode(incident), incident), asIs);
  fields.show("node", node, asIs);
  if (node !== "") fields.setLinks(nodeAddress(node));
  fillTime(fields, "began", began, shortMoment(began));
  if (ended !== null) fillTime(fields, "ended", ended, momentAfter(ended, began));
  fields.show("duration", ended === null ? "" : elapsed(began, ended), asIs);
  fields.show("peak", alertValue({ ...incident, value: peak }), asIs);
  fields.show("times", times, wording.timesFired);
}

export function fillEntry(fields: Fields, entry: LogEntry): void {
  fields.setData("entry", entry.id);
  fillSubject(fields, entry, entry.transition, messageWithoutNode(entry));
  fillTime(fields, "time", entry.timestamp, shortMoment(entry.timestamp));
}

/** `text` is the short form of the moment; attributes of the element have the full form. */
function fillTime(fields: Fields, name: string, timestamp: string, text: string): void {
  // Compared as text, because the short form of a moment changes with the day.
  fields.show(name, text, asIs);
  fields.attribute(name, "datetime", timestamp);
  fields.attribute(name, "title", wholeMoment(timestamp));
}

/** Return `text`, with a note if the alert flaps. */
export function withFlapping(text: string, { flapping = 0 }: Pick<LogEntry, "flapping">): string {
  return flapping === 0 ? text : `${text} · ${wording.flapping(flapping)}`;
}

function fillSubject(
  fields: Fields,
  subject: Pick<LogEntry, "node" | "severity" | "flapping">,
  state: string,
  text: string,
): void {
  const { node, severity } = subject;
  fields.setData("severity", severity ?? "");
  fields.setData("transition", state);
  fields.show("severity", severity, (word) => (word === null ? "" : wordFor(wording.severity, word)));
  fields.show("transition", state, (word) => wordFor(wording.transition, word));
  fields.show("message", withFlapping(text, subject), asIs);
  fields.show("node", node, asIs);
  // The entry that begins the log has no node, and an alert of a group has an empty name.
  if (node) fields.setLinks(nodeAddress(node));
}
