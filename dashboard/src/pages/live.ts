/** `/live`: the whole cluster on one screen, readable from across a room. */

import { parameter, setParameters } from "../address.ts";
import { AnimationFrame } from "../animation_frame.ts";
import { markNodes, showFigures, showIssues } from "../cluster_figures.ts";
import type { Alerts, Health, Node, Snapshot } from "../contract.ts";
import { byId, Fields, write } from "../fields.ts";
import { elapsed } from "../format.ts";
import { PastWall } from "../past/past_wall.ts";
import { NODE_SEARCH } from "../search/node_search.ts";
import { SearchBox } from "../search/search_box.ts";
import { type CellDescription, WallCursor } from "../wall/cursor.ts";
import { FullScreen } from "../wall/full_screen.ts";
import { HeatMap, labelMap } from "../wall/heat_map.ts";
import { WallLegend } from "../wall/legend.ts";
import { TroubledNodeList } from "../wall/troubled_node_list.ts";
import { type FiringAlerts, firingByNode, markOf, reasonOf, troubledNodes } from "../wall/troubled_nodes.ts";
import { WallGroups } from "../wall/wall_groups.ts";
import { namedValue, WALL_MEASURES, type WallMeasure } from "../wall/wall_measure.ts";
import { wording } from "../wording.ts";
import { Page, type PageServices } from "./page.ts";

const PARAMETER = "measure";
const DEFAULT_MEASURE = WALL_MEASURES[0];
const NO_ALERTS: FiringAlerts = new Map();

/** One animation frame draws everything from the latest data. */
export class LivePage extends Page {
  readonly #animationFrame = new AnimationFrame(() => this.#draw());
  readonly #mapContainer = byId("heat-map", HTMLElement);
  readonly #health = new Fields(byId("wall-health", HTMLElement));
  readonly #legend = new WallLegend(byId("wall-legend", HTMLElement));
  readonly #choices = [...document.querySelectorAll<HTMLButtonElement>("button[data-measure]")];
  readonly #fullScreen = new FullScreen(byId("full-screen", HTMLButtonElement), byId("main", HTMLElement));
  readonly #map = new HeatMap(this.#mapContainer, byId("heat-map-canvas", HTMLCanvasElement), () => this.#onDrawn());
  readonly #groups = new WallGroups(() => this.#animationFrame.request());
  readonly #cursor: WallCursor = new WallCursor(
    {
      container: this.#mapContainer,
      ring: byId("wall-ring", HTMLElement),
      tip: byId("wall-tip", HTMLElement),
      announcement: byId("wall-said", HTMLElement),
    },
    this.#map,
    (node) => this.#describe(node),
  );
  readonly #troubles = new TroubledNodeList({
    heading: byId("wall-trouble-count", HTMLElement),
    list: byId("wall-troubles", HTMLElement),
    row: byId("wall-trouble", HTMLTemplateElement),
    more: byId("wall-more", HTMLElement),
  });
  readonly #components = [
    this.#animationFrame,
    this.#map,
    this.#cursor,
    this.#troubles,
    this.#legend,
    this.#fullScreen,
    this.#groups,
  ] as const;
  readonly #search = new SearchBox(NODE_SEARCH, () => this.#animationFrame.request());
  readonly #count = byId("node-count", HTMLOutputElement);
  readonly #past = new PastWall(() => this.#animationFrame.request());
  #measure: WallMeasure = DEFAULT_MEASURE;
  #snapshot: Snapshot | null = null;
  #firing: FiringAlerts = new Map();

  override start(services: PageServices): void {
    for (const part of this.#components) part.start();
    this.#search.start();
    this.#past.start(services);
    for (const button of this.#choices) {
      button.onclick = () => {
        this.#choose(button.dataset["measure"] as WallMeasure);
        setParameters({ [PARAMETER]: this.#measure === DEFAULT_MEASURE ? "" : this.#measure });
      };
    }
    this.#choose(parameter(PARAMETER, DEFAULT_MEASURE, WALL_MEASURES) as WallMeasure);
  }

  override stop(): void {
    for (const part of this.#components) part.stop();
    this.#search.stop();
    this.#past.stop();
    for (const button of this.#choices) button.onclick = null;
  }

  override showSnapshot(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#past.setToday(snapshot);
    if (!this.#past.isOn) this.#animationFrame.request();
  }

  override showHealth(health: Health): void {
    showIssues(health);
  }

  override showAlerts(alerts: Alerts): void {
    this.#firing = firingByNode(alerts.active_alerts);
    this.#animationFrame.request();
  }

  #choose(measure: WallMeasure): void {
    this.#measure = measure;
    for (const button of this.#choices) button.setAttribute("aria-pressed", `${button.dataset["measure"] === measure}`);
    this.#legend.show(measure);
    this.#animationFrame.request();
  }

  #draw(): void {
    const shown = this.#shown;
    if (shown === null) return;
    const firing = this.#shownFiring;
    const { nodes, timestamp } = shown;
    markNodes(shown);
    showFigures(shown);
    this.#health.show("taken", timestamp, wording.wallTimestamp);
    this.#mapContainer.parentElement?.style.setProperty("--wall-nodes", `${nodes.length}`);
    const { query } = this.#search;
    const found = new Set(query.text === "" ? nodes : nodes.filter(query.matches));
    write(this.#count, query.text === "" ? "" : wording.nodesShown(found.size, nodes.length));
    const view = {
      nodes,
      markOf: (node: Node) => markOf(node, firing),
      measure: this.#measure,
      isDimmed: (node: Node) => !found.has(node),
    };
    this.#map.draw(this.#groups.grouped(view, firing));
    const troubles = troubledNodes(nodes, firing);
    this.#troubles.show(
      troubles.filter(({ node }) => found.has(node)),
      timestamp,
    );
    labelMap(this.#mapContainer, nodes, troubles);
  }

  #onDrawn(): void {
    this.#groups.place(this.#map.heads);
    this.#cursor.update();
  }

  #describe(node: Node): CellDescription {
    if (this.#past.isOn) return this.#describePast(node);
    const word = wording.nodeStatus[node.status];
    const since = wording.forDuration(elapsed(node.status_since, this.#snapshot?.timestamp ?? ""));
    const value = node.status === "online" ? namedValue(node, this.#measure) : null;
    const trouble = reasonOf(node, this.#shownFiring);
    const group = this.#groups.nameOf(node);
    const cell = wording.wallCell(node.node, word, value ?? since);
    const sentence = [cell, ...(group === null ? [] : [group])].join(", ");
    return { status: `${word} ${since}`, value, trouble, group, sentence: [sentence, trouble ?? []].flat().join(". ") };
  }

  /** The data on the wall: live, or of a past moment. */
  get #shown(): Snapshot | null {
    return this.#past.isOn ? this.#past.snapshot : this.#snapshot;
  }

  /** The history has no alerts of a moment. */
  get #shownFiring(): FiringAlerts {
    return this.#past.isOn ? NO_ALERTS : this.#firing;
  }

  #describePast(node: Node): CellDescription {
    const hasData = node.status === "online";
    const value = hasData ? namedValue(node, this.#measure) : null;
    const status = hasData ? wording.nodeStatus.online : wording.noDataThen;
    const group = this.#groups.nameOf(node);
    const cell = wording.wallCell(node.node, status, value ?? "");
    return { status, value, trouble: null, group, sentence: group === null ? cell : `${cell}, ${group}` };
  }
}
