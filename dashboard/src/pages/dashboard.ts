/** `/`: figures of the cluster, its health, active alerts, and the busiest nodes. */

import { ActiveAlerts } from "../alerts/active_alerts.ts";
import { AnimationFrame } from "../animation_frame.ts";
import { MEASURE_STYLES } from "../charts/measure_styles.ts";
import { NodeHistories } from "../charts/node_histories.ts";
import { drawLine } from "../charts/sparkline.ts";
import { markNodes, showFigures, showIssues } from "../cluster_figures.ts";
import type { Alerts, Health, Measure, Node, Snapshot } from "../contract.ts";
import { asIs, byId, Fields, write } from "../fields.ts";
import { KeyedList } from "../keyed_list.ts";
import { showNode } from "../nodes/node_fields.ts";
import { HeatMap, labelMap } from "../wall/heat_map.ts";
import { type FiringAlerts, firingByNode, markOf, troubledNodes } from "../wall/troubled_nodes.ts";
import { wording } from "../wording.ts";
import { Page, type PageServices } from "./page.ts";

/** Rows in each list of the busiest nodes. */
const TOP_ROWS = 5;
const ALERTS_SHOWN = 8;

type TopMeasure = "cpu_usage" | "memory_usage" | "temperature";

/** A list of the nodes with the highest `measure`, in `[data-top=<measure>]`, or a sentence if no node has a value. */
class TopNodes {
  readonly #measure: TopMeasure;
  readonly #list: KeyedList<Node>;
  readonly #container: HTMLElement;
  readonly #none: HTMLElement;
  #now = "";

  constructor(container: HTMLElement, measure: TopMeasure) {
    this.#measure = measure;
    this.#container = container;
    this.#none = byId(`top-none-${measure}`, HTMLElement);
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
    this.#list.show(known.slice(0, TOP_ROWS));
    this.#container.style.setProperty("--rows", `${Math.min(TOP_ROWS, snapshot.nodes.length)}`);
    this.#container.hidden = known.length === 0;
    this.#none.hidden = known.length > 0;
    const isSensor = this.#measure === "temperature" && snapshot.cluster_stats.online_nodes > 0;
    write(this.#none, isSensor ? wording.noNodeWithSensor : wording.noNodeOnline);
  }
}

export class DashboardPage extends Page {
  readonly #health = new Fields(byId("health", HTMLElement));
  readonly #tops: readonly TopNodes[];
  readonly #alerts = new ActiveAlerts();
  readonly #more = byId("more-alerts", HTMLElement);
  readonly #lines = [...document.querySelectorAll<SVGElement>("[data-line]")];
  readonly #mapContainer = byId("node-map", HTMLElement);
  readonly #map = new HeatMap(this.#mapContainer, byId("node-map-canvas", HTMLCanvasElement), () => undefined);
  readonly #animationFrame = new AnimationFrame(() => this.#draw());
  #firing: FiringAlerts = new Map();
  #latest: Snapshot | null = null;
  #histories: NodeHistories | null = null;

  constructor() {
    super();
    this.#tops = (["cpu_usage", "memory_usage", "temperature"] as const).map((measure) => {
      const container = document.querySelector<HTMLElement>(`[data-top="${measure}"]`);
      if (container === null) throw new Error(`the page has no list of ${measure}`);
      return new TopNodes(container, measure);
    });
  }

  override start({ history, funnel }: PageServices): void {
    const measures = this.#lines.map((line) => line.dataset["line"] as Measure);
    const shown = { rangeSeconds: 900, points: 90, measures };
    this.#histories = new NodeHistories(history, funnel, shown, () => this.#animationFrame.request());
    this.#histories.setVisible([""]);
    this.#map.start();
    this.#animationFrame.start();
  }

  override stop(): void {
    this.#histories?.stop();
    this.#map.stop();
    this.#animationFrame.stop();
  }

  override showSnapshot(snapshot: Snapshot): void {
    this.#latest = snapshot;
    markNodes(snapshot);
    showFigures(snapshot);
    this.#histories?.add(snapshot, []);
    this.#animationFrame.request();
  }

  override showHealth(health: Health): void {
    this.#health.show("nodes", wording.nodesOnline(health.nodes_online, health.nodes_total), asIs);
    showIssues(health);
  }

  override showAlerts(alerts: Alerts): void {
    const left = this.#alerts.show(alerts.active_alerts, alerts.timestamp, ALERTS_SHOWN);
    this.#more.hidden = left === 0;
    this.#more.textContent = wording.andMore(left);
    this.#firing = firingByNode(alerts.active_alerts);
    this.#animationFrame.request();
  }

  #draw(): void {
    if (this.#latest === null) return;
    for (const top of this.#tops) top.show(this.#latest);
    this.#drawLines();
    const { nodes } = this.#latest;
    this.#mapContainer.style.setProperty("--wall-nodes", `${nodes.length}`);
    this.#map.draw({ nodes, markOf: (node) => markOf(node, this.#firing), measure: "cpu_usage" });
    labelMap(this.#mapContainer, nodes, troubledNodes(nodes, this.#firing));
  }

  #drawLines(): void {
    const timeline = this.#histories?.of("");
    if (timeline === undefined) return;
    for (const line of this.#lines) {
      const measure = line.dataset["line"] as Measure;
      const path = line.querySelector("path");
      if (path !== null) drawLine(path, timeline.columns(measure).avg, MEASURE_STYLES[measure].scale.high);
    }
  }
}
