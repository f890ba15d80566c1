/** `/compare`: up to twelve nodes in one chart for each chosen measure. The address keeps the whole choice. */

import { nodeAddress, parameterList, setParameterList } from "../address.ts";
import { AnimationFrame } from "../animation_frame.ts";
import { CompareChart } from "../charts/compare_chart.ts";
import { commonGrid, lineStyle, MAX_LINES, Slots } from "../charts/compare_data.ts";
import { HistoryNote } from "../charts/history_note.ts";
import { MarkList } from "../charts/mark_list.ts";
import { Marks } from "../charts/marks.ts";
import { MEASURE_STYLES } from "../charts/measure_styles.ts";
import { type HistorySelection, NodeHistories } from "../charts/node_histories.ts";
import { Ranges } from "../charts/ranges.ts";
import { Zoom } from "../charts/zoom.ts";
import { type Alerts, MEASURES, type Measure, type Snapshot } from "../contract.ts";
import { asIs, attribute, byId, type Fields, write } from "../fields.ts";
import { KeyedList } from "../keyed_list.ts";
import type { Push } from "../live/push.ts";
import type { Scope } from "../live/snapshot_store.ts";
import { wording } from "../wording.ts";
import { Page, type PageServices } from "./page.ts";

const POINTS = 360;
const DEFAULT_MEASURES: readonly Measure[] = ["cpu_usage", "temperature"];

export class ComparePage extends Page {
  readonly #slots = new Slots();
  readonly #form = byId("compare-form", HTMLFormElement);
  readonly #problem = byId("compare-problem", HTMLElement);
  readonly #empty = byId("compare-empty", HTMLElement);
  readonly #container = byId("compare-charts", HTMLElement);
  readonly #card = byId("compare-card", HTMLTemplateElement);
  readonly #csv = byId("history-csv", HTMLAnchorElement);
  readonly #choices = [...document.querySelectorAll<HTMLButtonElement>("button[data-measure]")];
  readonly #nodes = new KeyedList<string>(
    byId("compared", HTMLElement),
    byId("compared-node", HTMLTemplateElement),
    asIs,
    (fields, name) => this.#fill(fields, name),
  );
  readonly #note = new HistoryNote();
  readonly #animationFrame = new AnimationFrame(() => this.#draw());
  readonly #ranges = new Ranges(byId("ranges", HTMLElement), () => this.#onRangeChange());
  readonly #zoom: Zoom = new Zoom(
    () => this.#ranges.seconds,
    () => this.#reload(),
  );
  readonly #markList = new MarkList({
    pointAt: (seconds) => {
      for (const chart of this.#charts.values()) chart.pointAt(seconds);
    },
    select: this.#zoom.select,
  });
  #charts = new Map<Measure, CompareChart>();
  #measures: readonly Measure[] = chosenMeasures();
  #leftOut: readonly string[] = [];
  #missing: ReadonlySet<string> = new Set();
  #histories: NodeHistories | null = null;
  #marks: Marks | null = null;
  #push: Push | null = null;

  constructor() {
    super();
    this.#leftOut = this.#slots.add(parameterList("node").filter((name) => name !== ""));
  }

  override get scope(): Scope {
    return this.#slots.names;
  }

  override start({ push, fetcher, history, funnel }: PageServices): void {
    this.#push = push;
    const draw = (): void => this.#animationFrame.request();
    this.#histories = new NodeHistories(history, funnel, this.#selection(), draw, this.#note.of("nodes"));
    this.#marks = new Marks(fetcher, funnel, () => {
      if (this.#marks !== null) this.#markList.show(this.#marks);
      draw();
    });
    this.#animationFrame.start();
    this.#ranges.start();
    this.#zoom.start();
    this.#form.onsubmit = (event) => {
      event.preventDefault();
      this.#add();
    };
    for (const button of this.#choices) button.onclick = () => this.#toggle(button.dataset["measure"] as Measure);
    this.#showNodes();
    this.#ranges.showSpan(this.#zoom.span);
    this.#histories.setVisible(this.#slots.names);
    this.#replaceCharts();
    this.#selectMarks();
  }

  override stop(): void {
    for (const part of [this.#histories, this.#marks, this.#animationFrame, this.#ranges, this.#zoom]) part?.stop();
    this.#form.onsubmit = null;
    for (const button of this.#choices) button.onclick = null;
    for (const chart of this.#charts.values()) chart.stop();
  }

  override showSnapshot(snapshot: Snapshot): void {
    const known = new Set(snapshot.nodes.map(({ node }) => node));
    const missing = this.#slots.names.filter((name) => !known.has(name));
    if (missing.length !== this.#missing.size || missing.some((name) => !this.#missing.has(name))) {
      this.#missing = new Set(missing);
      this.#showNodes();
    }
    this.#histories?.add(snapshot, snapshot.nodes);
    this.#animationFrame.request();
  }

  override showAlerts({ entries }: Alerts): void {
    const names = this.#slots.names;
    if (this.#zoom.span === null && entries.some(({ node }) => node !== null && names.includes(node)))
      this.#marks?.refresh();
  }

  #selection(): HistorySelection {
    const { seconds, span } = this.#zoom;
    return { rangeSeconds: seconds, points: POINTS, measures: this.#measures, span };
  }

  /** Add the nodes of the form: names with commas or spaces between them. */
  #add(): void {
    const input = this.#form.elements.namedItem("add") as HTMLInputElement;
    const names = input.value.split(/[\s,;]+/).filter((name) => name !== "");
    this.#leftOut = this.#slots.add(names);
    input.value = "";
    this.#onNodes();
  }

  #remove(name: string): void {
    this.#slots.remove(name);
    this.#leftOut = [];
    this.#onNodes();
    (this.#form.elements.namedItem("add") as HTMLInputElement).focus();
  }

  #onNodes(): void {
    setParameterList("node", this.#slots.names);
    // Until the next snapshot, a new node is not missing.
    this.#missing = new Set([...this.#missing].filter((name) => this.#slots.names.includes(name)));
    this.#showNodes();
    this.#push?.subscribe(this.#slots.names);
    this.#histories?.setVisible(this.#slots.names);
    this.#replaceCharts();
    this.#selectMarks();
  }

  #toggle(measure: Measure): void {
    const chosen = new Set(this.#measures);
    if (!chosen.delete(measure)) chosen.add(measure);
    if (chosen.size === 0) return;
    this.#measures = MEASURES.filter((each) => chosen.has(each));
    setParameterList("measure", this.#measures);
    this.#reload();
  }

  #onRangeChange(): void {
    if (this.#zoom.span === null) this.#reload();
    else this.#zoom.leave();
  }

  /** Read everything again, for another range or other measures. */
  #reload(): void {
    this.#ranges.showSpan(this.#zoom.span);
    this.#histories?.change(this.#selection());
    this.#replaceCharts();
    this.#selectMarks();
  }

  #selectMarks(): void {
    const { seconds, span } = this.#zoom;
    this.#marks?.select({ nodes: this.#slots.names, rangeSeconds: seconds, span });
  }

  #replaceCharts(): void {
    for (const chart of this.#charts.values()) chart.stop();
    this.#charts = new Map();
    const names = this.#slots.names;
    const measures = names.length === 0 ? [] : this.#measures;
    this.#container.replaceChildren(...measures.map((measure) => this.#cardOf(measure)));
    for (const button of this.#choices)
      attribute(button, "aria-pressed", `${this.#measures.includes(button.dataset["measure"] as Measure)}`);
    for (const chart of this.#charts.values()) chart.start();
    this.#animationFrame.request();
  }

  #cardOf(measure: Measure): HTMLElement {
    const card = this.#card.content.firstElementChild?.cloneNode(true) as HTMLElement;
    const [heading, chart] = [card.querySelector("h2"), card.querySelector<HTMLElement>(".chart")];
    if (heading === null || chart === null) throw new Error("the card of a comparison has no chart");
    card.dataset["measure"] = measure;
    heading.textContent = wording.measure[measure];
    const nodes = this.#slots.names.map((name) => ({ name, slot: this.#slots.of(name) }));
    const options = { ...MEASURE_STYLES[measure], name: wording.measure[measure], nodes };
    const drawn = new CompareChart(chart, { ...options, rangeSeconds: this.#zoom.seconds, zoom: this.#zoom });
    this.#charts.set(measure, drawn);
    return card;
  }

  #showNodes(): void {
    const names = this.#slots.names;
    this.#nodes.show(names);
    this.#empty.hidden = names.length > 0;
    const problems: string[] = [];
    if (this.#missing.size > 0) problems.push(wording.compareMissing([...this.#missing]));
    if (this.#leftOut.length > 0) problems.push(wording.compareFull(MAX_LINES, this.#leftOut));
    write(this.#problem, problems.join(" "));
    const table = new URL(this.#csv.href);
    table.searchParams.delete("node");
    for (const name of names) table.searchParams.append("node", name);
    attribute(this.#csv, "href", `${table.pathname}${table.search}`);
    this.#csv.hidden = names.length === 0;
  }

  #fill(fields: Fields, name: string): void {
    fields.show("node", name, asIs);
    fields.setLinks(nodeAddress(name));
    fields.show("missing", this.#missing.has(name) ? wording.unknownNode : "", asIs);
    const { color, dash } = lineStyle(this.#slots.of(name));
    const line = fields.root.querySelector<SVGElement>("line");
    line?.style.setProperty("stroke", `var(${color})`);
    if (line !== null) attribute(line, "stroke-dasharray", dash.length === 0 ? "none" : dash.join(" "));
    const button = fields.root.querySelector("button");
    if (button === null) return;
    attribute(button, "aria-label", wording.removeNode(name));
    button.onclick = () => this.#remove(name);
  }

  #draw(): void {
    const names = this.#slots.names;
    const timelines = names.map((name) => this.#histories?.of(name));
    const fromSeconds = this.#ranges.isChosen ? null : (this.#histories?.firstSeconds ?? null);
    const isLoaded = names.every((name) => this.#histories?.isLoaded(name));
    for (const [measure, chart] of this.#charts) {
      const lines = commonGrid(timelines, measure);
      chart.show({ lines, fromSeconds, span: this.#zoom.span, marks: this.#marks?.all ?? [], isLoaded });
    }
  }
}

function chosenMeasures(): readonly Measure[] {
  const asked = parameterList("measure");
  const found = MEASURES.filter((measure) => asked.includes(measure));
  return found.length === 0 ? DEFAULT_MEASURES : found;
}
