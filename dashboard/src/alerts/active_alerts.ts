/** The list of active alerts on the dashboard and on the page of a node. */

import type { Alert } from "../contract.ts";
import { byId, type Fields } from "../fields.ts";
import { KeyedList } from "../keyed_list.ts";
import { fillAlert } from "./rows.ts";

const SEVERITY_ORDER = ["critical", "warning", "info"];

/** Needs the elements `alerts` and `active-alerts`, and the template `alert`. */
export class ActiveAlerts {
  readonly #card = byId("alerts", HTMLElement);
  readonly #list: KeyedList<Alert>;
  #now = "";

  constructor() {
    this.#list = new KeyedList(
      byId("active-alerts", HTMLElement),
      byId("alert", HTMLTemplateElement),
      (alert) => alert.id,
      (fields, alert) => this.#fill(fields, alert),
    );
  }

  /** Show at most `limit` of `alerts`, as of `now`; return how many are left out. */
  show(alerts: readonly Alert[], now: string, limit = Number.POSITIVE_INFINITY): number {
    this.#now = now;
    this.#card.dataset["count"] = `${alerts.length}`;
    const shown = [...alerts].sort(byUrgency).slice(0, limit);
    this.#list.show(shown);
    return alerts.length - shown.length;
  }

  #fill(fields: Fields, alert: Alert): void {
    fields.setData("state", alert.state);
    fillAlert(fields, alert, this.#now);
  }
}

/** Order: firing before pending, critical before warning before info, then the oldest first. */
export function byUrgency(a: Alert, b: Alert): number {
  const urgency = (alert: Alert): number =>
    (alert.state === "firing" ? 0 : SEVERITY_ORDER.length) + SEVERITY_ORDER.indexOf(alert.severity);
  return urgency(a) - urgency(b) || a.since.localeCompare(b.since);
}
