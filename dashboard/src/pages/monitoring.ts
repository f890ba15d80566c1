/**
 * `/monitoring`: charts of the cluster and one chart of each node, over a range of time. A large cluster is shown in
 * steps, the most severe nodes first.
 */

import { nonEmpty, parameter, setParameters } from "../address.ts";
import { AnimationFrame } from "../animation_frame.ts";
import type { Chart } from "../charts/chart.ts";
import { ChartCards, chartOf } from "../charts/chart_cards.ts";
import { type ChartContext, chartDataOf } from "../charts/chart_data.ts";
import { HistoryNote } from "../charts/history_note.ts";
import { Marks } from "../charts/marks.ts";
import { MEASURE_STYLES } from "../charts/measure_styles.ts";
import { type HistorySelection, NodeHistories } from "../charts/node_histories.ts";
import { Ranges } from "../charts/ranges.ts";
import { Thresholds } from "../charts/thresholds.ts";
import { Zoom } from "../charts/zoom.ts";
import { markNodes, showFigures, showIssues } from "../cluster_figures.ts";
import { type Alerts, type Health, MEASURES, type Measure, type Node, type Snapshot } from "../contract.ts";
import { asIs, attribute, byId, type Fields, write } from "../fields.ts";
import { ListGroups } from "../groups/list_groups.ts";
import { averageOf, type NodeGroup } from "../groups/node_groups.ts";
import { NodeControls } from "../nodes/node_controls.ts";
import { alertSummaryByNode, type NodeAlertSummary, showNode } from "../nodes/node_fields.ts";
import { filtered, mostSevereFirst } from "../nodes/node_filter.ts";
import { VirtualList } from "../nodes/virtual_list.ts";
import { VisibleNodes } from "../nodes/visible_nodes.ts";
import { wording } from "../wording.ts";
import { Page, type PageServices } from "./page.ts";

const CLUSTER_POINTS = 360;
/** Quantiles come only from the history, which lags by about a minute. */
const CLUSTER_REPEAT_MS = 60_000;
/** A small chart is about 300 pixels wide. */
const NODE_POINTS = 180;
const NODE_HEIGHT_PIXELS = 66;
/**
 * Charts at first, and charts that "Show more" adds: full rows of two to six charts, at most ten screens of a phone.
 */
const CHARTS_PER_STEP = 60;
/** Most severe first; by name; highest value first. */
const ORDERS = ["trouble", "node", "value"];
const NO_NODES: ReadonlySet<string> = new Set();

export class MonitoringPage extends Page {
  readonly #nodeCharts = new Map<string, Chart>();
  readonly #list: VirtualList<Node, NodeGroup>;
  readonly #controls = new NodeControls(() => this.#showFirst());
  readonly #count = byId("node-count", HTMLOutputElement);
  readonly #container = byId("node-charts", HTMLElement);
  readonly #groups = new ListGroups({
    containers: [this.#container],
    severityOf: ({ node }) => this.#alertSummaries.get(node)?.severity ?? null,
    fillAverages: (fields, nodes) => this.#showAverage(fields, nodes),
    onChange: () => this.#selectNodes(),
  });
  readonly #rest = byId("more-charts", HTMLElement);
  readonly #shownCount = byId("charts-shown", HTMLElement);
  readonly #more = byId("show-more", HTMLButtonElement);
  readonly #table = byId("as-table", HTMLAnchorElement);
  readonly #note = new HistoryNote();
  readonly #animationFrame = new AnimationFrame(() => this.#drawAll());
  readonly #measureChoice = choiceOf("measure");
  readonly #orderChoice = choiceOf("order");
  readonly #ranges = new Ranges(byId("ranges", HTMLElement), () => {
    if (this.#zoom.span === null) this.#onRangeChange();
    else this.#zoom.leave();
  });
  readonly #zoom: Zoom = new Zoom(
    () => this.#ranges.seconds,
    () => this.#onRangeChange(),
  );
  readonly #clusterCharts = new ChartCards(byId("cluster-charts", HTMLElement), true, this.#zoom);
  #measure = parameter("measure", "cpu_usage", MEASURES) as Measure;
  #order = parameter("order", "trouble", ORDERS);
  #thresholds: Thresholds | null = null;
  #cluster: NodeHistories | null = null;
  #nodes: NodeHistories | null = null;
  #marks: Marks | null = null;
  #visible: VisibleNodes | null = null;
  #latest: Snapshot | null = null;
  #byName: ReadonlyMap<string, Node> = new Map();
  /** Names in the order of the last selection. Reordering in every round would move charts under the reader's eyes. */
  #names: readonly string[] = [];
  /** Charts of the list, or of each group. */
  #shown = CHARTS_PER_STEP;
  /** The first node without a chart; empty if every node of an open group has one. */
  #firstMissing = "";
  #fromSeconds: number | null = null;
  #alertSummaries: ReadonlyMap<string, NodeAlertSummary> = new Map();

  constructor() {
    super();
    this.#list = new VirtualList({
      container: this.#container,
      template: byId("node-chart", HTMLTemplateElement),
      keyOf: (node) => node.node,
      fill: (fields, node) => this.#fill(fields, node),
      heads: this.#groups.heads(byId("node-chart-group", HTMLTemplateElement)),
      onVisibleChange: (names) => {
        this.#visible?.show(names);
        this.#nodes?.setVisible(names);
        this.#selectMarks(names);
      },
      onRemove: (name) => this.#forget(name),
    });
  }

  override start({ push, fetcher, history, funnel }: PageServices): void {
    const draw = (): void => this.#animationFrame.request();
    const ofCluster = this.#note.of("cluster");
    this.#cluster = new NodeHistories(history, funnel, this.#clusterShown(), draw, ofCluster, CLUSTER_REPEAT_MS);
    this.#nodes = new NodeHistories(history, funnel, this.#nodesShown(), draw, this.#note.of("nodes"));
    this.#thresholds = new Thresholds(fetcher, funnel, draw);
    this.#thresholds.start();
    this.#marks = new Marks(fetcher, funnel, draw);
    this.#animationFrame.start();
    this.#visible = new VisibleNodes(push, () => this.#selectNodes());
    this.#visible.start();
    this.#cluster.setVisible([""]);
    this.#ranges.start();
    this.#zoom.start();
    this.#ranges.showSpan(this.#zoom.span);
    this.#controls.start();
    this.#groups.start();
    this.#clusterCharts.start(this.#zoom.seconds);
    this.#measureChoice.value = this.#measure;
    this.#measureChoice.onchange = () => this.#setMeasure(this.#measureChoice.value as Measure);
    this.#orderChoice.value = this.#order;
    this.#orderChoice.onchange = () => this.#setOrder(this.#orderChoice.value);
    this.#more.onclick = () => this.#showMore();
    this.#list.start();
  }

  override stop(): void {
    for (const part of [
      this.#animationFrame,
      this.#thresholds,
      this.#cluster,
      this.#nodes,
      this.#visible,
      this.#ranges,
      this.#zoom,
      this.#marks,
      this.#controls,
      this.#groups,
    ])
      part?.stop();
    this.#clusterCharts.stop();
    for (const name of [...this.#nodeCharts.keys()]) this.#forget(name);
    this.#list.stop();
  }

  override showSnapshot(snapshot: Snapshot): void {
    const previous = this.#latest?.nodes ?? [];
    this.#latest = snapshot;
    this.#byName = new Map(snapshot.nodes.map((node) => [node.node, node]));
    markNodes(snapshot);
    showFigures(snapshot);
    this.#cluster?.add(snapshot, []);
    this.#nodes?.add(snapshot, snapshot.nodes);
    this.#groups.offer(snapshot.nodes);
    const isSame =
      previous.length === snapshot.nodes.length &&
      snapshot.nodes.every(({ node }, index) => node === previous[index]?.node);
    if (!isSame) this.#selectNodes();
    this.#animationFrame.request();
  }

  override showHealth(health: Health): void {
    showIssues(health);
  }

  override showAlerts(alerts: Alerts): void {
    this.#alertSummaries = alertSummaryByNode(alerts.active_alerts);
    if (alerts.entries.length > 0 && this.#zoom.span === null) this.#marks?.refresh();
    if (this.#order === "trouble") this.#selectNodes();
    else this.#animationFrame.request();
  }

  #clusterShown(): HistorySelection {
    const { seconds, span } = this.#zoom;
    return { rangeSeconds: seconds, points: CLUSTER_POINTS, measures: this.#clusterCharts.measures, span };
  }

  #nodesShown(): HistorySelection {
    const { seconds, span } = this.#zoom;
    return { rangeSeconds: seconds, points: NODE_POINTS, measures: [this.#measure], span };
  }

  #setMeasure(measure: Measure): void {
    this.#measure = measure;
    setParameters({ measure: measure === "cpu_usage" ? "" : measure });
    this.#replaceNodeCharts();
  }

  #setOrder(order: string): void {
    this.#order = order;
    setParameters({ order: order === "trouble" ? "" : order });
    this.#showFirst();
  }

  /** Show the first charts of another selection or order. */
  #showFirst(): void {
    this.#shown = CHARTS_PER_STEP;
    this.#selectNodes();
  }

  /** Events of the charts on the screen. */
  #selectMarks(names: readonly string[]): void {
    this.#marks?.select({ nodes: names, rangeSeconds: this.#zoom.seconds, span: this.#zoom.span }, false);
  }

  #onRangeChange(): void {
    this.#ranges.showSpan(this.#zoom.span);
    this.#updateAxisStart();
    this.#clusterCharts.stop();
    this.#clusterCharts.start(this.#zoom.seconds);
    this.#selectMarks([...this.#nodeCharts.keys()]);
    this.#cluster?.change(this.#clusterShown());
    this.#replaceNodeCharts();
  }

  /** Replace the charts of the nodes, after another measure or range was chosen. */
  #replaceNodeCharts(): void {
    for (const name of [...this.#nodeCharts.keys()]) this.#forget(name);
    this.#nodes?.change(this.#nodesShown());
    this.#selectNodes();
  }

  #drawAll(): void {
    this.#updateAxisStart();
    this.#clusterCharts.show(this.#cluster?.of(""), {
      ...this.#contextOf(this.#cluster?.isLoaded("") ?? false, (this.#latest?.cluster_stats.online_nodes ?? 0) > 0),
      isCluster: true,
    });
    this.#draw();
  }

  /** Select and order the nodes. */
  #selectNodes(): void {
    if (this.#latest === null) return;
    const sort = this.#order === "value" ? `-${this.#measure}` : "node";
    const { query } = this.#controls.filter;
    const found = filtered(this.#latest.nodes, { query, status: "", sort }, NO_NODES);
    const nodes = this.#order === "trouble" ? mostSevereFirst(found, this.#alertSummaries) : found;
    this.#names = nodes.map((node) => node.node);
    write(this.#count, wording.nodesShown(nodes.length, this.#latest.nodes.length));
    this.#rest.hidden = nodes.length <= this.#shown;
    write(this.#shownCount, wording.chartsShown(Math.min(this.#shown, nodes.length), nodes.length));
    const parameters = new URLSearchParams(nonEmpty({ q: query.text, group: this.#groups.label })).toString();
    attribute(this.#table, "href", parameters === "" ? "/nodes" : `/nodes?${parameters}`);
    this.#draw();
  }

  #draw(): void {
    const nodes = this.#names.map((name) => this.#byName.get(name)).filter((node) => node !== undefined);
    const sections = this.#groups.sectionsOf(nodes, this.#shown);
    const open = sections.filter(({ items }) => items.length > 0);
    const shown = open.reduce((sum, { items }) => sum + items.length, 0);
    const total = open.reduce((sum, { head }) => sum + (head?.nodes ?? nodes).length, 0);
    this.#firstMissing = open.map(({ head, items }) => (head?.nodes ?? nodes)[items.length]).find(Boolean)?.node ?? "";
    this.#rest.hidden = shown === total;
    write(this.#shownCount, wording.chartsShown(shown, total));
    this.#list.show(sections);
  }

  #showMore(): void {
    const first = this.#firstMissing;
    this.#shown += CHARTS_PER_STEP;
    this.#selectNodes();
    // The next Tab continues at the first added chart, not after the last.
    const link = this.#container.querySelector<HTMLElement>(`[data-node="${CSS.escape(first)}"] a`);
    link?.focus({ preventScroll: true });
  }

  #showAverage(fields: Fields, nodes: readonly Node[]): void {
    const average = averageOf(nodes, this.#measure);
    fields.show("average", wording.averageNow(MEASURE_STYLES[this.#measure].formatNow(average)), asIs);
  }

  #fill(fields: Fields, node: Node): void {
    showNode(fields, node, this.#latest?.timestamp ?? "", this.#alertSummaries.get(node.node));
    const timeline = this.#nodes?.of(node.node);
    let chart = this.#nodeCharts.get(node.node);
    if (chart === undefined && fields.root.isConnected) {
      chart = chartOf(fields.root, {
        measure: this.#measure,
        rangeSeconds: this.#zoom.seconds,
        heightPixels: NODE_HEIGHT_PIXELS,
        isCluster: false,
        zoom: this.#zoom,
      });
      chart.start();
      this.#nodeCharts.set(node.node, chart);
    }
    if (timeline === undefined) return;
    const context = this.#contextOf(this.#nodes?.isLoaded(node.node) ?? false, node.status === "online");
    const marks = this.#marks?.of(node.node) ?? [];
    chart?.show(chartDataOf(timeline, this.#measure, { ...context, marks }));
  }

  /** Set the common time axis of all charts, which begins with the cluster's data. */
  #updateAxisStart(): void {
    this.#fromSeconds = this.#ranges.isChosen ? null : (this.#cluster?.firstSeconds ?? null);
  }

  #contextOf(isLoaded: boolean, isOnline: boolean): ChartContext {
    return {
      fromSeconds: this.#fromSeconds,
      thresholdOf: (measure) => this.#thresholds?.of(measure) ?? null,
      span: this.#zoom.span,
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

/** Return the control `name` of the form of nodes. */
function choiceOf(name: string): HTMLSelectElement {
  const choice = byId("node-filters", HTMLFormElement).elements.namedItem(name);
  if (!(choice instanceof HTMLSelectElement)) throw new Error(`the page has no choice ${name}`);
  return choice;
}
