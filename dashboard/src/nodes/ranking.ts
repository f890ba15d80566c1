/** Orders the list of nodes by the average or the peak of a measure in a part of the history. */

import { parameter, setParameters } from "../address.ts";
import { rangeParameters } from "../charts/history_client.ts";
import { MEASURE_STYLES } from "../charts/measure_styles.ts";
import { type Span, utc } from "../charts/span.ts";
import { timeLabel } from "../charts/time_labels.ts";
import { type HistoryTop, MEASURES, type Measure, type Node, RESOURCES } from "../contract.ts";
import type { ErrorFunnel } from "../errors.ts";
import { asIs, byId, type Fields, write } from "../fields.ts";
import { momentAfter, shortMoment } from "../format.ts";
import { get, RestFailed } from "../rest.ts";
import { wording } from "../wording.ts";

const BY = ["now", "avg", "max"] as const;
const SECONDS: Readonly<Record<string, number>> = { "1h": 3600, "6h": 21_600, "24h": 86_400, "7d": 604_800 };
const NIGHT = "night";
const DEFAULT_PERIOD = "24h";
/** The night, by the reader's clock. */
const NIGHT_BEGINS_HOUR = 22;
const NIGHT_ENDS_HOUR = 6;
/** The server computes a ranking twice a minute at most. */
const REFRESH_MS = 60_000;

/** Value of a node in the ranking; `at`: when the peak was, `null` for an average. */
interface Ranked {
  readonly value: number;
  readonly at: string | null;
}

/** Return the last night, of which `now` may be a part. */
export function lastNight(now: Date): Span {
  const end = new Date(now.getFullYear(), now.getMonth(), now.getDate(), NIGHT_ENDS_HOUR);
  // During the evening, the last night is the one before.
  const begin = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1, NIGHT_BEGINS_HOUR);
  return { from: Math.floor(begin.getTime() / 1000), to: Math.floor(Math.min(end.getTime(), now.getTime()) / 1000) };
}

/** Return `nodes` in the order of a ranking. Nodes without a value come last, in their order. */
export function ranked(nodes: readonly Node[], values: ReadonlyMap<string, Ranked>, descending: boolean): Node[] {
  const direction = descending ? -1 : 1;
  return [...nodes].sort((a, b) => {
    const [first, second] = [values.get(a.node), values.get(b.node)];
    if (first === undefined || second === undefined) return Number(first === undefined) - Number(second === undefined);
    return direction * (first.value - second.value);
  });
}

/** Uses the controls `by` and `period` of the form of nodes. `onChange` is called when the order may have changed. */
export class NodeRanking {
  readonly #by = controlOf("by");
  readonly #period = controlOf("period");
  readonly #periodLabel = this.#period.closest("label");
  readonly #note = byId("ranking-note", HTMLElement);
  readonly #onChange: () => void;
  #fetcher: typeof fetch | null = null;
  #funnel: ErrorFunnel | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | null = null;
  /** What the ranking was asked for; empty without a ranking. */
  #asked = "";
  #measure: Measure | null = null;
  #values: ReadonlyMap<string, Ranked> | null = null;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  start(fetcher: typeof fetch, funnel: ErrorFunnel): void {
    this.#fetcher = fetcher;
    this.#funnel = funnel;
    this.#by.value = parameter("by", "now", BY);
    this.#period.value = parameter("period", DEFAULT_PERIOD, [...Object.keys(SECONDS), NIGHT]);
    for (const control of [this.#by, this.#period]) control.onchange = () => this.#choose();
  }

  stop(): void {
    this.#forget();
    for (const control of [this.#by, this.#period]) control.onchange = null;
  }

  /** Return `nodes` in the order of the ranking of the measure in `sort`; as they are without a ranking. */
  order(nodes: readonly Node[], sort: string): readonly Node[] {
    const field = sort.replace(/^-/, "");
    const measure = MEASURES.find((each) => each === field) ?? null;
    this.#by.disabled = measure === null;
    const isRanking = measure !== null && this.#by.value !== "now";
    if (this.#periodLabel !== null) this.#periodLabel.hidden = !isRanking;
    if (!isRanking) {
      this.#forget();
      return nodes;
    }
    const asked = [measure, this.#by.value, this.#period.value].join(" ");
    if (asked !== this.#asked) {
      this.#forget();
      this.#asked = asked;
      this.#measure = measure;
      this.#fetch();
    }
    return this.#values === null ? nodes : ranked(nodes, this.#values, sort.startsWith("-"));
  }

  /** Show the value of a node in the ranking. */
  fill(fields: Fields, name: string): void {
    const own = this.#values?.get(name);
    const measure = this.#measure;
    const isShown = this.#values !== null && measure !== null;
    fields.show("ranked", isShown ? this.#text(measure, own) : "", asIs);
  }

  /** Measure and range for the comparison of nodes. */
  get parameters(): Record<string, string> {
    if (this.#measure === null) return {};
    const period = this.#period.value;
    if (period !== NIGHT) return { measure: this.#measure, range: period };
    const { from, to } = lastNight(new Date());
    return { measure: this.#measure, from: utc(from), to: utc(to) };
  }

  #text(measure: Measure, own: Ranked | undefined): string {
    const value = MEASURE_STYLES[measure].formatNow(own?.value ?? null);
    if (this.#by.value === "avg") return wording.rankedAverage(value);
    const at = own?.at == null ? "" : timeLabel(Date.parse(own.at) / 1000, SECONDS["24h"] ?? 0);
    return wording.rankedPeak(value, at);
  }

  #choose(): void {
    const [by, period] = [this.#by.value, this.#period.value];
    setParameters({ by: by === "now" ? "" : by, period: by === "now" || period === DEFAULT_PERIOD ? "" : period });
    this.#onChange();
  }

  #forget(): void {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#asked = "";
    this.#measure = null;
    this.#values = null;
    this.#say("", false);
  }

  #fetch(): void {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#running = new AbortController();
    this.#load(this.#running.signal).then(
      (top) => {
        this.#values = new Map(top.nodes.map(({ node, value, at }) => [node, { value, at }]));
        // The last step of the range may end later than now.
        const end = Date.parse(top.end) < Date.parse(top.computed_at) ? top.end : top.computed_at;
        this.#say(
          wording.rankingComputed(shortMoment(top.start), momentAfter(end, top.start), shortMoment(top.computed_at)),
          false,
        );
        this.#onChange();
      },
      (error) => {
        if (error instanceof DOMException) return;
        if (!(error instanceof RestFailed)) this.#funnel?.report(error, "ranking");
        this.#say(wording.rankingFailed(error instanceof RestFailed ? error.message : String(error)), true);
      },
    );
    this.#timer = setTimeout(() => this.#again(), REFRESH_MS);
  }

  #again(): void {
    if (document.hidden) this.#timer = setTimeout(() => this.#again(), REFRESH_MS);
    else this.#fetch();
  }

  async #load(aborted: AbortSignal): Promise<HistoryTop> {
    const period = this.#period.value;
    const span = period === NIGHT ? lastNight(new Date()) : null;
    const range = rangeParameters({ rangeSeconds: SECONDS[period] ?? 0, span });
    const parameters = new URLSearchParams({ measure: this.#measure ?? "", by: this.#by.value, ...range });
    return (await get<HistoryTop>(this.#fetcher ?? fetch, `${RESOURCES.historyTop}?${parameters}`, aborted)).body;
  }

  #say(text: string, isFailure: boolean): void {
    write(this.#note, text);
    this.#note.className = isFailure ? "trouble" : "quiet";
  }
}

function controlOf(name: string): HTMLSelectElement {
  const control = byId("node-filters", HTMLFormElement).elements.namedItem(name);
  if (!(control instanceof HTMLSelectElement)) throw new Error(`the page has no choice ${name}`);
  return control;
}
