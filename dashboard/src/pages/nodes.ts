/**
 * `/nodes`: every node in a table or a grid, with search, filters and sorting. Only visible nodes are subscribed to.
 */

import { parameter, setParameters } from "../address.ts";
import { AnimationFrame } from "../animation_frame.ts";
import { MEASURE_STYLES } from "../charts/measure_styles.ts";
import { NodeHistories } from "../charts/node_histories.ts";
import { drawLine } from "../charts/sparkline.ts";
import { markNodes, showFigures, showIssues } from "../cluster_figures.ts";
import type { Alerts, Health, Node, Snapshot } from "../contract.ts";
import { downloadRows } from "../csv_rows.ts";
import { attribute, byId, type Fields, write } from "../fields.ts";
import { ListGroups } from "../groups/list_groups.ts";
import { averageOf, type NodeGroup } from "../groups/node_groups.ts";
import { NodeControls } from "../nodes/node_controls.ts";
import { alertSummaryByNode, type NodeAlertSummary, showNode } from "../nodes/node_fields.ts";
import { filtered, nodesCsvAddress } from "../nodes/node_filter.ts";
import { NodeRanking } from "../nodes/ranking.ts";
import { Ticks } from "../nodes/ticks.ts";
import { type ListSection, VirtualList } from "../nodes/virtual_list.ts";
import { VisibleNodes } from "../nodes/visible_nodes.ts";
import { wording } from "../wording.ts";
import { Page, type PageServices } from "./page.ts";

const SPARKLINE = { rangeSeconds: 900, points: 90, measures: ["cpu_usage"] } as const;
const VIEWS = ["table", "grid"];
/** Averages in the head of a group. */
const AVERAGES = [
  "cpu_usage",
  "memory_usage",
  "disk_usage",
  "temperature",
  "load1",
  "network_receive_bytes_per_second",
  "network_transmit_bytes_per_second",
] as const;
/** Columns that are sorted in ascending order at the first click. */
const TEXT_COLUMNS = ["node", "status"];

export class NodesPage extends Page {
  readonly #controls = new NodeControls(() => this.#selectNodes());
  readonly #groups = new ListGroups({
    containers: ["node-rows", "node-cards"].map((id) => byId(id, HTMLElement)),
    severityOf: ({ node }) => this.#alertSummaries.get(node)?.severity ?? null,
    fillAverages: (fields, nodes) => showAverages(fields, nodes),
    onChange: () => this.#draw(),
  });
  readonly #ranking = new NodeRanking(() => this.#selectNodes());
  readonly #ticks = new Ticks(() => this.#animationFrame.request());
  readonly #lists: Readonly<Record<string, VirtualList<Node, NodeGroup>>>;
  readonly #table = byId("node-table", HTMLElement);
  readonly #count = byId("node-count", HTMLOutputElement);
  readonly #csv = byId("nodes-csv", HTMLAnchorElement);
  readonly #noMatch = byId("no-match", HTMLElement);
  readonly #animationFrame = new AnimationFrame(() => this.#draw());
  readonly #columnHeaders = [...document.querySelectorAll<HTMLButtonElement>("[data-sort]")];
  readonly #views = [...document.querySelectorAll<HTMLButtonElement>("[data-view]")];
  #view = parameter("view", "table", VIEWS);
  #histories: NodeHistories | null = null;
  #visible: VisibleNodes | null = null;
  #latest: Snapshot | null = null;
  #byName: ReadonlyMap<string, Node> = new Map();
  /** Names in the order of the last selection. Reordering in every round would move rows under the reader's eyes. */
  #order: readonly string[] = [];
  #alertSummaries: ReadonlyMap<string, NodeAlertSummary> = new Map();

  constructor() {
    super();
    this.#lists = {
      table: this.#list("node-rows", "node-row", "node-row-group"),
      grid: this.#list("node-cards", "node-card", "node-card-group"),
    };
  }

  override start({ push, fetcher, history, funnel }: PageServices): void {
    this.#ranking.start(fetcher, funnel);
    this.#ticks.start();
    this.#visible = new VisibleNodes(push, () => this.#selectNodes());
    this.#histories = new NodeHistories(history, funnel, SPARKLINE, () => this.#animationFrame.request());
    this.#animationFrame.start();
    this.#visible.start();
    this.#controls.start();
    this.#groups.start();
    for (const button of this.#views) button.onclick = () => this.#showView(button.dataset["view"] ?? "table");
    for (const button of this.#columnHeaders) button.onclick = () => this.#sortBy(button.dataset["sort"] ?? "node");
    byId("clear-filters", HTMLButtonElement).onclick = () => this.#controls.clear();
    this.#csv.onclick = (event) => {
      if (this.#controls.filter.query.text === "") return;
      event.preventDefault();
      downloadRows(fetcher, this.#csv.href, "nodes.csv", "node", this.#order).catch((error: unknown) =>
        funnel.report(error, "CSV"),
      );
    };
    this.#showView(this.#view);
  }

  override stop(): void {
    this.#animationFrame.stop();
    this.#visible?.stop();
    this.#histories?.stop();
    this.#controls.stop();
    this.#groups.stop();
    this.#ranking.stop();
    this.#ticks.stop();
    for (const list of Object.values(this.#lists)) list.stop();
  }

  override showSnapshot(snapshot: Snapshot): void {
    const previous = this.#latest?.nodes ?? [];
    this.#latest = snapshot;
    this.#byName = new Map(snapshot.nodes.map((node) => [node.node, node]));
    markNodes(snapshot);
    showFigures(snapshot);
    this.#histories?.add(snapshot, snapshot.nodes);
    this.#groups.offer(snapshot.nodes);
    const isSame =
      previous.length === snapshot.nodes.length &&
      snapshot.nodes.every(({ node }, index) => node === previous[index]?.node);
    if (isSame) this.#animationFrame.request();
    else this.#selectNodes();
  }

  override showHealth(health: Health): void {
    showIssues(health);
  }

  override showAlerts(alerts: Alerts): void {
    this.#alertSummaries = alertSummaryByNode(alerts.active_alerts);
    // Only this filter depends on alerts.
    if (this.#controls.filter.status === "trouble") this.#selectNodes();
    else this.#animationFrame.request();
  }

  #list(container: string, template: string, head: string): VirtualList<Node, NodeGroup> {
    return new VirtualList({
      container: byId(container, HTMLElement),
      template: byId(template, HTMLTemplateElement),
      keyOf: (node) => node.node,
      fill: (fields, node) => this.#fill(fields, node),
      heads: this.#groups.heads(byId(head, HTMLTemplateElement)),
      onVisibleChange: (names) => {
        this.#visible?.show(names);
        this.#histories?.setVisible(names);
      },
    });
  }

  #fill(fields: Fields, node: Node): void {
    showNode(fields, node, this.#latest?.timestamp ?? "", this.#alertSummaries.get(node.node));
    this.#ranking.fill(fields, node.node);
    this.#ticks.fill(fields, node.node);
    const path = fields.root.querySelector("path");
    const timeline = this.#histories?.of(node.node);
    if (path !== null) drawLine(path, timeline?.columns("cpu_usage").avg ?? [], 100);
  }

  /** Select and order the nodes. */
  #selectNodes(): void {
    if (this.#latest === null) return;
    const found = filtered(this.#latest.nodes, this.#controls.filter, new Set(this.#alertSummaries.keys()));
    const nodes = this.#ranking.order(found, this.#controls.filter.sort);
    this.#order = nodes.map((node) => node.node);
    this.#ticks.offer(this.#order, nodes.length < this.#latest.nodes.length, this.#ranking.parameters);
    write(this.#count, wording.nodesShown(nodes.length, this.#latest.nodes.length));
    attribute(this.#csv, "href", nodesCsvAddress(this.#controls.filter));
    this.#noMatch.hidden = nodes.length > 0 || this.#latest.nodes.length === 0;
    const [field, direction] = sortOf(this.#controls.filter.sort);
    for (const button of this.#columnHeaders) {
      button
        .closest("[role=columnheader]")
        ?.setAttribute("aria-sort", button.dataset["sort"] === field ? direction : "none");
    }
    this.#draw();
  }

  #draw(): void {
    const nodes = this.#order.map((name) => this.#byName.get(name)).filter((node) => node !== undefined);
    const sections = this.#groups.sectionsOf(nodes);
    attribute(this.#table, "aria-rowcount", `${rowsOf(sections) + 1}`);
    this.#lists[this.#view]?.show(sections);
  }

  #showView(view: string): void {
    this.#lists[this.#view]?.stop();
    this.#view = view;
    setParameters({ view: view === "table" ? "" : view });
    for (const button of this.#views) button.setAttribute("aria-pressed", `${button.dataset["view"] === view}`);
    for (const name of VIEWS) {
      const part = document.querySelector<HTMLElement>(`[data-node-${name}]`);
      if (part !== null) part.hidden = name !== view;
    }
    this.#lists[view]?.start();
    this.#draw();
  }

  #sortBy(field: string): void {
    const [previous, direction] = sortOf(this.#controls.filter.sort);
    const descending = field === previous ? direction === "ascending" : !TEXT_COLUMNS.includes(field);
    this.#controls.set({ sort: descending ? `-${field}` : field });
  }
}

/** Return the number of heads and nodes. */
function rowsOf(sections: readonly ListSection<Node, NodeGroup>[]): number {
  return sections.reduce((sum, { head, items }) => sum + Number(head !== null) + items.length, 0);
}

function showAverages(fields: Fields, nodes: readonly Node[]): void {
  for (const measure of AVERAGES) {
    fields.show(measure, averageOf(nodes, measure), MEASURE_STYLES[measure].formatNow);
  }
}

function sortOf(sort: string): [string, "ascending" | "descending"] {
  return sort.startsWith("-") ? [sort.slice(1), "descending"] : [sort, "ascending"];
}
