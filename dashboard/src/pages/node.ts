/** `/nodes/<node>`: the values, alerts and charts of one node. */

import { ActiveAlerts } from "../alerts/active_alerts.ts";
import { AnimationFrame } from "../animation_frame.ts";
import { ChartCards } from "../charts/chart_cards.ts";
import { HistoryNote } from "../charts/history_note.ts";
import { MarkList } from "../charts/mark_list.ts";
import { Marks } from "../charts/marks.ts";
import { type HistorySelection, NodeHistories } from "../charts/node_histories.ts";
import { Ranges } from "../charts/ranges.ts";
import { Thresholds } from "../charts/thresholds.ts";
import { Zoom } from "../charts/zoom.ts";
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
  readonly #ranges = new Ranges(byId("ranges", HTMLElement), () => this.#onRangeChange());
  readonly #zoom: Zoom = new Zoom(
    () => this.#ranges.seconds,
    () => this.#show(),
  );
  readonly #charts = new ChartCards(byId("main", HTMLElement), false, this.#zoom);
  readonly #markList = new MarkList({
    pointAt: (seconds) => this.#charts.pointAt(seconds),
    select: this.#zoom.select,
  });
  #histories: NodeHistories | null = null;
  #thresholds: Thresholds | null = null;
  #marks: Marks | null = null;
  #latest: Snapshot | null = null;
  #alertSummary: NodeAlertSummary | null = null;

  override get scope(): Scope {
    return [this.#name];
  }

  override start({ fetcher, history, funnel }: PageServices): void {
    this.#histories = new NodeHistories(
      history,
      funnel,
      this.#selection(),
      () => this.#animationFrame.request(),
      this.#note.of("node"),
    );
    this.#histories.setVisible([this.#name]);
    this.#thresholds = new Thresholds(fetcher, funnel, () => this.#animationFrame.request());
    this.#thresholds.start();
    this.#animationFrame.start();
    this.#marks = new Marks(fetcher, funnel, () => this.#onMarks());
    this.#ranges.start();
    this.#zoom.start();
    this.#ranges.showSpan(this.#zoom.span);
    this.#charts.start(this.#zoom.seconds);
    this.#selectMarks();
  }

  override stop(): void {
    this.#histories?.stop();
    this.#thresholds?.stop();
    this.#animationFrame.stop();
    this.#marks?.stop();
    this.#ranges.stop();
    this.#zoom.stop();
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

  override showAlerts({ active_alerts, timestamp, entries }: Alerts): void {
    if (entries.some(({ node }) => node === this.#name) && this.#zoom.span === null) this.#marks?.refresh();
    this.#alertSummary = alertSummaryByNode(active_alerts).get(this.#name) ?? null;
    if (this.#latest !== null) this.showSnapshot(this.#latest);
    this.#alerts.show(
      active_alerts.filter((alert) => alert.node === this.#name),
      timestamp,
    );
  }

  #selection(): HistorySelection {
    return { rangeSeconds: this.#zoom.seconds, points: POINTS, measures: this.#charts.measures, span: this.#zoom.span };
  }

  #onRangeChange(): void {
    if (this.#zoom.span === null) this.#show();
    else this.#zoom.leave();
  }

  #show(): void {
    this.#ranges.showSpan(this.#zoom.span);
    this.#charts.stop();
    this.#charts.start(this.#zoom.seconds);
    this.#histories?.change(this.#selection());
    this.#selectMarks();
    this.#animationFrame.request();
  }

  #selectMarks(): void {
    this.#marks?.select({ nodes: [this.#name], rangeSeconds: this.#zoom.seconds, span: this.#zoom.span });
  }

  #onMarks(): void {
    if (this.#marks !== null) this.#markList.show(this.#marks);
    this.#animationFrame.request();
  }

  #draw(): void {
    this.#charts.show(this.#histories?.of(this.#name), {
      fromSeconds: this.#ranges.isChosen ? null : (this.#histories?.firstSeconds ?? null),
      thresholdOf: (measure) => this.#thresholds?.of(measure) ?? null,
      isCluster: false,
      isLoaded: this.#histories?.isLoaded(this.#name) ?? false,
      span: this.#zoom.span,
      marks: this.#marks?.of(this.#name) ?? [],
      isOnline: this.#latest?.nodes.find(({ node }) => node === this.#name)?.status === "online",
    });
  }
}
