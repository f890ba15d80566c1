/** `/nodes`: a row for each node. */

import type { Alerts, Health, Node, Snapshot } from "../contract.ts";
import { byId } from "../fields.ts";
import { markNodes, showFigures, showIssues } from "../figures.ts";
import { KeyedList } from "../keyed_list.ts";
import { showNode, troubleByNode } from "../node_fields.ts";
import type { Page } from "./page.ts";

/** See the module. */
export class NodesPage implements Page {
  readonly #rows: KeyedList<Node>;
  #latest: Snapshot | null = null;
  #trouble: ReadonlyMap<string, string> = new Map();

  constructor() {
    this.#rows = new KeyedList(
      byId("nodes", HTMLElement),
      byId("node-row", HTMLTemplateElement),
      (node) => node.node,
      (fields, node) => showNode(fields, node, this.#latest?.timestamp ?? "", this.#trouble.get(node.node)),
    );
  }

  start(): void {}

  stop(): void {}

  showSnapshot(snapshot: Snapshot): void {
    this.#latest = snapshot;
    markNodes(snapshot);
    showFigures(snapshot);
    this.#rows.show(snapshot.nodes);
  }

  showHealth(health: Health): void {
    showIssues(health);
  }

  showAlerts(alerts: Alerts): void {
    this.#trouble = troubleByNode(alerts.active_alerts);
    if (this.#latest !== null) this.#rows.show(this.#latest.nodes);
  }
}
