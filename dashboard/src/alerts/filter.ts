/** Which alerts and entries of the log the reader wants to see. */

import type { Alert, Incident, LogEntry, Severity, Transition } from "../contract.ts";
import { messageText } from "../message_texts.ts";

export const SEVERITIES: readonly Severity[] = ["critical", "warning", "info"];
export const TRANSITIONS: readonly Transition[] = ["firing", "resolved", "pending"];

/** An empty text lets everything pass. `text` stands in the node's name or in the message as it is shown. */
export interface AlertFilter {
  readonly severity: string;
  readonly transition: string;
  readonly text: string;
}

export const EVERYTHING: AlertFilter = { severity: "", transition: "", text: "" };

export function isEverything({ severity, transition, text }: AlertFilter): boolean {
  return severity === "" && transition === "" && text.trim() === "";
}

/** An active alert stands where its last transition left it. */
export function passesAlert(filter: AlertFilter, alert: Alert): boolean {
  return passes(filter, alert, alert.state);
}

/** What was pending and did not fire is found as pending. */
export function passesEntry(filter: AlertFilter, entry: LogEntry): boolean {
  return passes(filter, entry, entry.transition === "pended" ? "pending" : entry.transition);
}

/** An incident that has ended stands as resolved. */
export function passesIncident(filter: AlertFilter, incident: Incident): boolean {
  return passes(filter, incident, incident.ended === null ? "firing" : "resolved");
}

function passes(
  { severity, transition, text }: AlertFilter,
  subject: Pick<LogEntry, "severity" | "node" | "message" | "code" | "args">,
  stands: string,
): boolean {
  if (severity !== "" && subject.severity !== severity) return false;
  if (transition !== "" && stands !== transition) return false;
  const wanted = text.replaceAll("\u00a0", " ").trim().toLowerCase();
  return (
    wanted === "" ||
    (subject.node ?? "").toLowerCase().includes(wanted) ||
    messageText(subject).replaceAll("\u00a0", " ").toLowerCase().includes(wanted)
  );
}
