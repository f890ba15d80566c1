/** Filters for alerts, log entries and incidents. */

import type { Alert, Incident, LogEntry, Severity, Transition } from "../contract.ts";
import { messageText } from "../message_texts.ts";

export const SEVERITIES: readonly Severity[] = ["critical", "warning", "info"];
export const TRANSITIONS: readonly Transition[] = ["firing", "resolved", "pending"];

/** An empty field matches everything. `text` is searched in the node's name and in the message that the page shows. */
export interface AlertFilter {
  readonly severity: string;
  readonly transition: string;
  readonly text: string;
}

export const NO_FILTER: AlertFilter = { severity: "", transition: "", text: "" };

export function isEmptyFilter({ severity, transition, text }: AlertFilter): boolean {
  return severity === "" && transition === "" && text.trim() === "";
}

/** An active alert has the state of its last transition. */
export function passesAlert(filter: AlertFilter, alert: Alert): boolean {
  return passes(filter, alert, alert.state);
}

/** The filter "pending" also matches an alert that was pending and did not fire. */
export function passesEntry(filter: AlertFilter, entry: LogEntry): boolean {
  return passes(filter, entry, entry.transition === "pended" ? "pending" : entry.transition);
}

/** An incident that has ended counts as resolved. */
export function passesIncident(filter: AlertFilter, incident: Incident): boolean {
  return passes(filter, incident, incident.ended === null ? "firing" : "resolved");
}

function passes(
  { severity, transition, text }: AlertFilter,
  subject: Pick<LogEntry, "severity" | "node" | "message" | "code" | "args">,
  state: string,
): boolean {
  if (severity !== "" && subject.severity !== severity) return false;
  if (transition !== "" && state !== transition) return false;
  const searched = text.replaceAll("\u00a0", " ").trim().toLowerCase();
  return (
    searched === "" ||
    (subject.node ?? "").toLowerCase().includes(searched) ||
    messageText(subject).replaceAll("\u00a0", " ").toLowerCase().includes(searched)
  );
}
