/** `/`: the cluster in figures, its health, what is wrong, and the busiest nodes. */

import type { Alert, Alerts, Health, Node, Snapshot } from "../contract.ts";
import { asIs, byId, Fields } from "../fields.ts";
import { markNodes, showFigures, showIssues } from "../figures.ts";
import { elapsed } from "../format.ts";
import { KeyedList } from "../keyed_list.ts";
import { showNode } from "../node_fields.ts";
import * as wording from "../wording.ts";
import type { Page } from "./page.ts";

/** Rows in each list of the busiest nodes. */
const TOP = 5;
const SEVERITY_ORDER = ["critical", "warning", "info"];

type Measure = "cpu_usage" | "memory_usage" | "temperature";

/** A list of the nodes with the highest `measure`, in `[data-top=<measure>]`. */
class TopNodes {
  readonly #measure: Measure;
  readonly #list: KeyedList<Node>;
  #now = "";

  constructor(container: HTMLElement, measure: Measure) {
    this.#measure = measure;
    this.#list = new KeyedList(
      container,
      byId(`top-${measure}`, HTMLTemplateElement),
      (node) => node.node,
      (fields, node) => showNode(fields, node, this.#now),
    );
  }

  show(snapshot: Snapshot): void {
    this.#now = snapshot.timestamp;
    const known = snapshot.nodes.filter((node) => node[this.#measure] !== null);
    known.sort((a, b) => (b[this.#measure] ?? 0) - (a[this.#measure] ?? 0));
    this.#list.show(known.slice(0, TOP));
  }
}

/** See the module. */
export class DashboardPage implements Page {
  readonly #health = new Fields(byId("health", HTMLElement));
  readonly #tops: readonly TopNodes[];
  readonly #alertCard = byId("alerts", HTMLElement);
  readonly #alerts: KeyedList<Alert>;
  #alertsAt = "";

  constructor() {
    this.#tops = (["cpu_usage", "memory_usage", "temperature"] as const).map((measure) => {
      const container = document.querySelector<HTMLElement>(`[data-top="${measure}"]`);
      if (container === null) throw new Error(`the page has no list of ${measure}`);
      return new TopNodes(container, measure);
    });
    this.#alerts = new KeyedList(
      byId("active-alerts", HTMLElement),
      byId("alert", HTMLTemplateElement),
      (alert) => alert.id,
      (fields, alert) => this.#fillAlert(fields, alert),
    );
  }

  start(): void {}

  stop(): void {}

  showSnapshot(snapshot: Snapshot): void {
    markNodes(snapshot);
    showFigures(snapshot);
    for (const top of this.#tops) top.show(snapshot);
  }

  showHealth(health: Health): void {
    this.#health.mark("status", health.overall_status);
    this.#health.show("overall_status", health.overall_status, (status) => wording.OVERALL_STATUS[status]);
    this.#health.show("nodes", wording.nodesOnline(health.nodes_online, health.nodes_total), asIs);
    showIssues(health);
  }

  showAlerts(alerts: Alerts): void {
    this.#alertsAt = alerts.timestamp;
    this.#alertCard.dataset["count"] = `${alerts.active_alerts.length}`;
    this.#alerts.show([...alerts.active_alerts].sort(byUrgency));
  }

  #fillAlert(fields: Fields, alert: Alert): void {
    fields.mark("alert", alert.id);
    fields.mark("severity", alert.severity);
    fields.mark("state", alert.state);
    fields.show("severity", alert.severity, (severity) => wording.SEVERITY[severity]);
    fields.show("state", alert.state, (state) => (state === "firing" ? wording.FIRING : wording.PENDING));
    fields.show("message", alert.message, asIs);
    fields.show("since", elapsed(alert.since, this.#alertsAt), wording.forDuration);
  }
}

/** Firing before pending, critical before warning, the longest first. */
function byUrgency(a: Alert, b: Alert): number {
  const urgency = (alert: Alert): number =>
    (alert.state === "firing" ? 0 : SEVERITY_ORDER.length) + SEVERITY_ORDER.indexOf(alert.severity);
  return urgency(a) - urgency(b) || a.since.localeCompare(b.since);
}
