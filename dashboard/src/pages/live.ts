/** `/live`: the whole cluster on one screen, to be read from across a room. */

import { parameter, setParameters } from "../address.ts";
import type { Alerts, Health, Node, Snapshot } from "../contract.ts";
import { byId, Fields } from "../fields.ts";
import { markNodes, showFigures, showIssues } from "../figures.ts";
import { elapsed } from "../format.ts";
import { Frame } from "../frame.ts";
import { type Telling, WallCursor } from "../wall/cursor.ts";
import { FullScreen } from "../wall/full_screen.ts";
import { HeatMap, label } from "../wall/heat_map.ts";
import { WallLegend } from "../wall/legend.ts";
import { namedValue, WALL_MEASURES, type WallMeasure } from "../wall/measure.ts";
import { type Firing, firingByNode, markOf, reasonOf, troublesOf } from "../wall/trouble.ts";
import { WallTroubleList } from "../wall/trouble_list.ts";
import { wording } from "../wording.ts";
import { Page } from "./page.ts";

const PARAMETER = "measure";
const FIRST = WALL_MEASURES[0];

/** Everything is drawn by one frame, which reads what was last told. */
export class LivePage extends Page {
  readonly #frame = new Frame(() => this.#draw());
  readonly #mapFrame = byId("heat-map", HTMLElement);
  readonly #health = new Fields(byId("wall-health", HTMLElement));
  readonly #legend = new WallLegend(byId("wall-legend", HTMLElement));
  readonly #choices = [...document.querySelectorAll<HTMLButtonElement>("button[data-measure]")];
  readonly #fullScreen = new FullScreen(byId("full-screen", HTMLButtonElement), byId("main", HTMLElement));
  readonly #map = new HeatMap(this.#mapFrame, byId("heat-map-canvas", HTMLCanvasElement), () => this.#cursor.update());
  readonly #cursor: WallCursor = new WallCursor(
    {
      frame: this.#mapFrame,
      ring: byId("wall-ring", HTMLElement),
      tip: byId("wall-tip", HTMLElement),
      said: byId("wall-said", HTMLElement),
    },
    this.#map,
    (node) => this.#tell(node),
  );
  readonly #troubles = new WallTroubleList({
    heading: byId("wall-trouble-count", HTMLElement),
    list: byId("wall-troubles", HTMLElement),
    row: byId("wall-trouble", HTMLTemplateElement),
    more: byId("wall-more", HTMLElement),
  });
  readonly #parts = [this.#frame, this.#map, this.#cursor, this.#troubles, this.#legend, this.#fullScreen] as const;
  #measure: WallMeasure = FIRST;
  #snapshot: Snapshot | null = null;
  #firing: Firing = new Map();

  override start(): void {
    for (const part of this.#parts) part.start();
    for (const button of this.#choices) {
      button.onclick = () => {
        this.#choose(button.dataset["measure"] as WallMeasure);
        setParameters({ [PARAMETER]: this.#measure === FIRST ? "" : this.#measure });
      };
    }
    this.#choose(parameter(PARAMETER, FIRST, WALL_MEASURES) as WallMeasure);
  }

  override stop(): void {
    for (const part of this.#parts) part.stop();
    for (const button of this.#choices) button.onclick = null;
  }

  override showSnapshot(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#frame.request();
  }

  override showHealth(health: Health): void {
    showIssues(health);
  }

  override showAlerts(alerts: Alerts): void {
    this.#firing = firingByNode(alerts.active_alerts);
    this.#frame.request();
  }

  #choose(measure: WallMeasure): void {
    this.#measure = measure;
    for (const button of this.#choices) button.setAttribute("aria-pressed", `${button.dataset["measure"] === measure}`);
    this.#legend.show(measure);
    this.#frame.request();
  }

  #draw(): void {
    if (this.#snapshot === null) return;
    const { nodes, timestamp } = this.#snapshot;
    markNodes(this.#snapshot);
    showFigures(this.#snapshot);
    this.#health.show("taken", timestamp, wording.wallTakenAt);
    this.#mapFrame.parentElement?.style.setProperty("--wall-nodes", `${nodes.length}`);
    this.#map.draw({ nodes, markOf: (node) => markOf(node, this.#firing), measure: this.#measure });
    const troubles = troublesOf(nodes, this.#firing);
    this.#troubles.show(troubles, timestamp);
    label(this.#mapFrame, nodes, troubles);
  }

  #tell(node: Node): Telling {
    const word = wording.nodeStatus[node.status];
    const since = wording.forDuration(elapsed(node.status_since, this.#snapshot?.timestamp ?? ""));
    const value = node.status === "online" ? namedValue(node, this.#measure) : null;
    const trouble = reasonOf(node, this.#firing);
    const cell = wording.wallCell(node.node, word, value ?? since);
    return { status: `${word} ${since}`, value, trouble, sentence: trouble === null ? cell : `${cell}. ${trouble}` };
  }
}
