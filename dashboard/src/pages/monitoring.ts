/** `/monitoring`: charts of the cluster, and one of each node, over a range of time. */

import { parameter, setParameters } from "../address.ts";
import { Chart } from "../charts/chart.ts";
import { ChartCards, chartOf } from "../charts/chart_cards.ts";
import { type Alerts, type Health, MEASURES, type Measure, type Node, type Snapshot } from "../contract.ts";
import { byId, type Fields, write } from "../fields.ts";
import { markNodes, showFigures, showIssues } from "../figures.ts";
import { Frame } from "../frame.ts";
import { NodeControls } from "../nodes/node_controls.ts";
import { type NodeTrouble, showNode, troubleByNode } from "../nodes/node_fields.ts";
import { filtered } from "../nodes/node_filter.ts";
import { HistoryNote } from "../charts/history_note.ts";
import { NodeHistories, type Shown } from "../charts/node_histories.ts";
import { pictureOf, type Surroundings } from "../charts/picture.ts";
import { Ranges } from "../charts/ranges.ts";
import { Thresholds } from "../charts/thresholds.ts";
import { VirtualList } from "../nodes/virtual_list.ts";
import { VisibleNodes } from "../nodes/visible_nodes.ts";
import { wording } from "../wording.ts";
import { Page, type Stage } from "./page.ts";

const CLUSTER_POINTS = 360;
/** How the nodes' values lie is known from the history alone, which lags behind so much. */
const CLUSTER_REPEAT_MS = 60_000;
/** A small chart is some 300 pixels wide. */
const NODE_POINTS = 180;
const NODE_HEIGHT_PIXELS = 66;
const NOBODY: ReadonlySet<string> = new Set();

/** See the module. */
export class MonitoringPage extends Page {
  readonly #clusterCharts = new ChartCards(byId("cluster-charts", HTMLElement), true);
  readonly #nodeCharts = new Map<string, Chart>();
  readonly #list: VirtualList<Node>;
  readonly #controls = new NodeControls(() => this.#draw());
  readonly #count = byId("node-count", HTMLOutputElement);
  readonly #note = new HistoryNote();
  readonly #frame = new Frame(() => this.#drawAll());
  readonly #choice: HTMLSelectElement;
  readonly #ranges = new Ranges(byId("ranges", HTMLElement), () => this.#change());
  #measure = parameter("measure", "cpu_usage", MEASURES) as Measure;
  #thresholds: Thresholds | null = null;
  #cluster: NodeHistories | null = null;
  #nodes: NodeHistories | null = null;
  #visible: VisibleNodes | null = null;
  #latest: Snapshot | null = null;
  #fromSeconds: number | null = null;
  #trouble: ReadonlyMap<string, NodeTrouble> = new Map();

  constructor() {
    super();
    const choice = byId("node-filters", HTMLFormElement).elements.namedItem("measure");
    if (!(choice instanceof HTMLSelectElement)) throw new Error("the page has no choice of a measure");
    this.#choice = choice;
    this.#list = new VirtualList({
      container: byId("node-charts", HTMLElement),
      template: byId("node-chart", HTMLTemplateElement),
      keyOf: (node) => node.node,
      fill: (fields, node) => this.#fill(fields, node),
      onWindow: (names) => {
        this.#visible?.show(names);
        this.#nodes?.want(names);
      },
      onGone: (name) => this.#forget(name),
    });
  }

  override start({ push, fetcher, history, funnel }: Stage): void {
    const seconds = this.#ranges.seconds;
    const draw = (): void => this.#frame.request();
    const ofCluster = this.#note.of("cluster");
    this.#cluster = new NodeHistories(history, funnel, this.#clusterShown(), draw, ofCluster, CLUSTER_REPEAT_MS);
    this.#nodes = new NodeHistories(history, funnel, this.#nodesShown(), draw, this.#note.of("nodes"));
    this.#thresholds = new Thresholds(fetcher, funnel, draw);
    this.#thresholds.start();
    this.#frame.start();
    this.#visible = new VisibleNodes(push, () => undefined);
    this.#visible.start();
    this.#cluster.want([""]);
    this.#ranges.start();
    this.#controls.start();
    this.#clusterCharts.start(seconds);
    this.#choice.value = this.#measure;
    this.#choice.onchange = () => this.#choose(this.#choice.value as Measure);
    this.#list.start();
  }

  override stop(): void {
    for (const part of [this.#frame, this.#thresholds, this.#cluster, this.#nodes, this.#visible, this.#ranges, this.#controls]) part?.stop();
    this.#clusterCharts.stop();
    for (const name of [...this.#nodeCharts.keys()]) this.#forget(name);
    this.#list.stop();
  }

  override showSnapshot(snapshot: Snapshot): void {
    this.#latest = snapshot;
    markNodes(snapshot);
    showFigures(snapshot);
    this.#cluster?.add(snapshot, []);
    this.#nodes?.add(snapshot, snapshot.nodes);
    this.#frame.request();
  }

  override showHealth(health: Health): void {
    showIssues(health);
  }

  override showAlerts(alerts: Alerts): void {
    this.#trouble = troubleByNode(alerts.active_alerts);
    this.#frame.request();
  }

  #clusterShown(): Shown {
    return { rangeSeconds: this.#ranges.seconds, points: CLUSTER_POINTS, measures: this.#clusterCharts.measures };
  }

  #nodesShown(): Shown {
    return { rangeSeconds: this.#ranges.seconds, points: NODE_POINTS, measures: [this.#measure] };
  }

  #choose(measure: Measure): void {
    this.#measure = measure;
    setParameters({ measure: measure === "cpu_usage" ? "" : measure });
    this.#renew();
  }

  #change(): void {
    this.#fit();
    this.#clusterCharts.stop();
    this.#clusterCharts.start(this.#ranges.seconds);
    this.#cluster?.change(this.#clusterShown());
    this.#renew();
  }

  /** The charts of the nodes show something else now. */
  #renew(): void {
    for (const name of [...this.#nodeCharts.keys()]) this.#forget(name);
    this.#nodes?.change(this.#nodesShown());
    this.#draw();
  }

  #drawAll(): void {
    this.#fit();
    this.#clusterCharts.show(this.#cluster?.of(""), {
      ...this.#around(this.#cluster?.isLoaded("") ?? false, (this.#latest?.cluster_stats.online_nodes ?? 0) > 0),
      isCluster: true,
    });
    this.#draw();
  }

  #draw(): void {
    if (this.#latest === null) return;
    const nodes = filtered(this.#latest.nodes, this.#controls.filter, NOBODY);
    write(this.#count, wording.nodesShown(nodes.length, this.#latest.nodes.length));
    this.#list.show(nodes);
  }

  #fill(fields: Fields, node: Node): void {
    showNode(fields, node, this.#latest?.timestamp ?? "", this.#trouble.get(node.node));
    const timeline = this.#nodes?.of(node.node);
    let chart = this.#nodeCharts.get(node.node);
    if (chart === undefined && fields.root.isConnected) {
      chart = chartOf(fields.root, {
        measure: this.#measure,
        rangeSeconds: this.#ranges.seconds,
        heightPixels: NODE_HEIGHT_PIXELS,
        isCluster: false,
      });
      chart.start();
      this.#nodeCharts.set(node.node, chart);
    }
    if (timeline === undefined) return;
    const around = this.#around(this.#nodes?.isLoaded(node.node) ?? false, node.status === "online");
    chart?.show(pictureOf(timeline, this.#measure, around));
  }

  /** All charts of the page have one axis of time, which fits what is known of the cluster. */
  #fit(): void {
    this.#fromSeconds = this.#ranges.isChosen ? null : (this.#cluster?.firstSeconds ?? null);
  }

  #around(isLoaded: boolean, isOnline: boolean): Surroundings {
    return {
      fromSeconds: this.#fromSeconds,
      thresholdOf: (measure) => this.#thresholds?.of(measure) ?? null,
      isCluster: false,
      isLoaded,
      isOnline,
    };
  }

  #forget(name: string): void {
    this.#nodeCharts.get(name)?.stop();
    this.#nodeCharts.delete(name);
  }
}
