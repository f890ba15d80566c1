/** How an active alert, and an entry of the log, looks in a row of a table or of a list. */

import { nodeAddress } from "../address.ts";
import { alertValue } from "./value.ts";
import type { Alert, LogEntry } from "../contract.ts";
import { asIs, type Fields } from "../fields.ts";
import { elapsed, moment } from "../format.ts";
import { messageOf } from "../said.ts";
import { wordFor, wording } from "../wording.ts";

/** `now`: timestamp of the message that the alert stands in. */
export function fillAlert(fields: Fields, alert: Alert, now: string): void {
  fields.mark("alert", alert.id);
  fillSubject(fields, alert, alert.state);
  fields.show("since", wording.forDuration(elapsed(alert.since, now)), asIs);
  fields.show("value", alertValue(alert), asIs);
}

export function fillEntry(fields: Fields, entry: LogEntry): void {
  fields.mark("entry", entry.id);
  fillSubject(fields, entry, entry.transition);
  // As text, because what is today's does not stay so.
  fields.show("time", moment(entry.timestamp), asIs);
  const time = fields.root.querySelector("time");
  if (time !== null) time.dateTime = entry.timestamp;
}

function fillSubject(
  fields: Fields,
  subject: Pick<LogEntry, "node" | "severity" | "message" | "code" | "args">,
  stands: string,
): void {
  const { node, severity } = subject;
  fields.mark("severity", severity ?? "");
  fields.mark("transition", stands);
  fields.show("severity", severity, (word) => (word === null ? "" : wordFor(wording.severity, word)));
  fields.show("transition", stands, (word) => wordFor(wording.transition, word));
  fields.show("message", messageOf(subject), asIs);
  fields.show("node", node, asIs);
  // The begin of the log is of no node.
  if (node) fields.link(nodeAddress(node));
}
