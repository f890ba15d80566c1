/** Filters for alerts, log entries and incidents. */

import type { Alert, Incident, LogEntry, Severity, Transition } from "../contract.ts";
import type { SearchedAlert } from "../search/alert_search.ts";
import { EVERYTHING, type Query } from "../search/query.ts";

export const SEVERITIES: readonly Severity[] = ["critical", "warning", "info"];
export const TRANSITIONS: readonly Transition[] = ["firing", "resolved", "pending"];

/** An empty field matches everything. */
export interface AlertFilter {
  readonly severity: string;
  readonly transition: string;
  readonly query: Query<SearchedAlert>;
}

export const NO_FILTER: AlertFilter = { severity: "", transition: "", query: EVERYTHING };

export function isEmptyFilter({ severity, transition, query }: AlertFilter): boolean {
  return severity === "" && transition === "" && query.text === "";
}

/** An active alert has the state of its last transition. */
export function passesAlert(filter: AlertFilter, alert: Alert): boolean {
  return passes(filter, alert, alert.state);
}

/** The filter "pending" also matches an alert that was pending and did not fire. */
export function passesEntry(filter: AlertFilter, entry: LogEntry): boolean {
  return passes(filter, entry, entry.transition);
}

/** An incident that has ended counts as resolved. */
export function passesIncident(filter: AlertFilter, incident: Incident): boolean {
  return passes(filter, incident, incident.ended === null ? "firing" : "resolved");
}

function passes(
  { severity, transition, query }: AlertFilter,
  subject: Omit<SearchedAlert, "state">,
  state: string,
): boolean {
  if (severity !== "" && subject.severity !== severity) return false;
  if (transition !== "" && (state === "pended" ? "pending" : state) !== transition) return false;
  return query.text === "" || query.matches({ ...subject, state });
}
