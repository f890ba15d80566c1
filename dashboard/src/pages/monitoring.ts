/** `/monitoring`: a card for each node, with bars and a line of its last minutes. */

import type { Alerts, Health, Node, Snapshot } from "../contract.ts";
import { byId, type Fields } from "../fields.ts";
import { markNodes, showFigures, showIssues } from "../figures.ts";
import { KeyedList } from "../keyed_list.ts";
import { showNode, troubleByNode } from "../node_fields.ts";
import { Sparkline } from "../sparkline.ts";
import type { Page } from "./page.ts";

/** See the module. */
export class MonitoringPage implements Page {
  readonly #cards: KeyedList<Node>;
  readonly #lines = new Map<Element, Sparkline>();
  readonly #onScreen = new Set<Element>();
  #observer: IntersectionObserver | null = null;
  #latest: Snapshot | null = null;
  #trouble: ReadonlyMap<string, string> = new Map();
  #isNewRound = false;

  constructor() {
    this.#cards = new KeyedList(
      byId("nodes", HTMLElement),
      byId("node-card", HTMLTemplateElement),
      (node) => node.node,
      (fields, node) => this.#fill(fields, node),
    );
  }

  start(): void {
    this.#observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) this.#onScreen.add(target);
        else this.#onScreen.delete(target);
        if (isIntersecting) this.#lines.get(target)?.draw();
      }
    });
    for (const card of this.#lines.keys()) this.#observer.observe(card);
  }

  stop(): void {
    this.#observer?.disconnect();
    this.#observer = null;
    this.#onScreen.clear();
  }

  showSnapshot(snapshot: Snapshot): void {
    // A repeat, by a call of the REST interface for instance, is no new point of the lines.
    this.#isNewRound = snapshot.epoch !== this.#latest?.epoch || snapshot.seq !== this.#latest.seq;
    this.#latest = snapshot;
    markNodes(snapshot);
    showFigures(snapshot);
    this.#cards.show(snapshot.nodes);
    for (const card of [...this.#lines.keys()].filter((card) => !card.isConnected)) this.#forget(card);
  }

  showHealth(health: Health): void {
    showIssues(health);
  }

  showAlerts(alerts: Alerts): void {
    this.#trouble = troubleByNode(alerts.active_alerts);
  }

  #fill(fields: Fields, node: Node): void {
    showNode(fields, node, this.#latest?.timestamp ?? "", this.#trouble.get(node.node));
    const line = this.#lineOf(fields.root);
    if (this.#isNewRound) line.add(node.cpu_usage);
    if (this.#onScreen.has(fields.root)) line.draw();
  }

  #lineOf(card: Element): Sparkline {
    const known = this.#lines.get(card);
    if (known !== undefined) return known;
    const path = card.querySelector("path");
    if (path === null) throw new Error("a card has no line");
    const line = new Sparkline(path);
    this.#lines.set(card, line);
    this.#observer?.observe(card);
    return line;
  }

  #forget(card: Element): void {
    this.#observer?.unobserve(card);
    this.#onScreen.delete(card);
    this.#lines.delete(card);
  }
}
