/** `/nodes/<node>`: the values, alerts and charts of one node. */

import { ActiveAlerts } from "../alerts/active_alerts.ts";
import { AnimationFrame } from "../animation_frame.ts";
import { ChartCards } from "../charts/chart_cards.ts";
import { HistoryNote } from "../charts/history_note.ts";
import { type HistorySelection, NodeHistories } from "../charts/node_histories.ts";
import { Ranges } from "../charts/ranges.ts";
import { Thresholds } from "../charts/thresholds.ts";
import type { Alerts, Snapshot } from "../contract.ts";
import { byId, Fields, write } from "../fields.ts";
import { elapsed, UNKNOWN } from "../format.ts";
import type { Scope } from "../live/snapshot_store.ts";
import { alertSummaryByNode, type NodeAlertSummary, showNode } from "../nodes/node_fields.ts";
import { wording } from "../wording.ts";
import { Page, type PageServices } from "./page.ts";

/** Points of a chart. */
const POINTS = 360;

export class NodePage extends Page {
  readonly #root = byId("node", HTMLElement);
  readonly #name = this.#root.dataset["name"] ?? "";
  readonly #fields = new Fields(this.#root);
  readonly #facts = byId("facts", HTMLElement);
  readonly #gone = byId("node-gone", HTMLElement);
  readonly #note = new HistoryNote();
  readonly #animationFrame = new AnimationFrame(() => this.#draw());
  readonly #alerts = new ActiveAlerts();
  readonly #charts = new ChartCards(byId("main", HTMLElement));
  readonly #ranges = new Ranges(byId("ranges", HTMLElement), (seconds) => this.#show(seconds));
  #histories: NodeHistories | null = null;
  #thresholds: Thresholds | null = null;
  #latest: Snapshot | null = null;
  #alertSummary: NodeAlertSummary | null = null;

  override get scope(): Scope {
    return [this.#name];
  }

  override start({ fetcher, history, funnel }: PageServices): void {
    const seconds = this.#ranges.seconds;
    this.#histories = new NodeHistories(
      history,
      funnel,
      this.#selection(seconds),
      () => this.#animationFrame.request(),
      this.#note.of("node"),
    );
    this.#histories.setVisible([this.#name]);
    this.#thresholds = new Thresholds(fetcher, funnel, () => this.#animationFrame.request());
    this.#thresholds.start();
    this.#animationFrame.start();
    this.#ranges.start();
    this.#charts.start(seconds);
  }

  override stop(): void {
    this.#histories?.stop();
    this.#thresholds?.stop();
    this.#animationFrame.stop();
    this.#ranges.stop();
    this.#charts.stop();
  }

  override showSnapshot(snapshot: Snapshot): void {
    const node = snapshot.nodes.find((known) => known.node === this.#name);
    this.#gone.hidden = node !== undefined;
    this.#facts.hidden = node === undefined;
    if (node === undefined) {
      this.#latest = null;
      this.#fields.setData("status", "unknown");
      for (const field of ["status", "since", "error"])
        this.#fields.show(field, null, () => (field === "status" ? UNKNOWN : ""));
      write(this.#gone, wording.nodeGone(this.#name));
      return;
    }
    this.#latest = snapshot;
    showNode(this.#fields, node, snapshot.timestamp, this.#alertSummary);
    this.#fields.show("role_name", node.role, String);
    this.#fields.show("address", node.address, String);
    this.#fields.show("uptime", elapsed(node.boot_time, snapshot.timestamp), String);
    this.#histories?.add(snapshot, [node]);
    this.#animationFrame.request();
  }

  override showAlerts({ active_alerts, timestamp }: Alerts): void {
    this.#alertSummary = alertSummaryByNode(active_alerts).get(this.#name) ?? null;
    if (this.#latest !== null) this.showSnapshot(this.#latest);
    this.#alerts.show(
      active_alerts.filter((alert) => alert.node === this.#name),
      timestamp,
    );
  }

  #selection(rangeSeconds: number): HistorySelection {
    return { rangeSeconds, points: POINTS, measures: this.#charts.measures };
  }

  #show(rangeSeconds: number): void {
    this.#charts.stop();
    this.#charts.start(rangeSeconds);
    this.#histories?.change(this.#selection(rangeSeconds));
  }

  #draw(): void {
    this.#charts.show(this.#histories?.of(this.#name), {
      fromSeconds: this.#ranges.isChosen ? null : (this.#histories?.firstSeconds ?? null),
      thresholdOf: (measure) => this.#thresholds?.of(measure) ?? null,
      isCluster: false,
      isLoaded: this.#histories?.isLoaded(this.#name) ?? false,
      isOnline: this.#latest?.nodes.find(({ node }) => node === this.#name)?.status === "online",
    });
  }
}
