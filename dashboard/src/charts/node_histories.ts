/**
 * The timelines of the nodes on the screen. A timeline is loaded when its node appears and dropped when the node
 * disappears.
 */

import type { History, Measure, Node, Snapshot } from "../contract.ts";
import type { ErrorFunnel } from "../errors.ts";
import { RestFailed } from "../rest.ts";
import { type HistoryClient, type HistoryQuery, requestBatches } from "./history_client.ts";
import type { Span } from "./span.ts";
import { Timeline, type Values } from "./timeline.ts";

/** Scrolling must pause this long before histories are read. */
const SETTLE_MS = 150;
/**
 * Wait before the second read of a history. The second read has the data between the end of the first read and the
 * first live round.
 */
const REFRESH_MS = 25_000;
/** Default interval between later reads: the browser may have missed a round while the machine slept. */
const REPEAT_MS = 300_000;
/** After this many missed rounds, the history is read again to fill the gap. */
const MISSED_ROUNDS = 4;

/** The range, resolution and measures of each node's history. */
export interface HistorySelection {
  readonly rangeSeconds: number;
  readonly points: number;
  readonly measures: readonly Measure[];
  /** A part of the history. Live rounds are then ignored. */
  readonly span?: Span | null;
}

/** Until `stop()`, `onLoaded` is called when there is more to draw, and `onFailed` when a read fails. */
export class NodeHistories {
  readonly #client: HistoryClient;
  readonly #funnel: ErrorFunnel;
  readonly #onLoaded: () => void;
  readonly #onFailed: (why: string | null) => void;
  readonly #repeatMs: number;
  readonly #timelines = new Map<string, Timeline>();
  /** Names of the timelines whose history was read. */
  readonly #loaded = new Set<string>();
  #selection: HistorySelection;
  #visible = new Set<string>();
  #settle: ReturnType<typeof setTimeout> | undefined;
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | null = null;
  #intervalSeconds = 2;
  #position = "";
  #addedSeconds = Number.NaN;

  constructor(
    client: HistoryClient,
    funnel: ErrorFunnel,
    selection: HistorySelection,
    onLoaded: () => void,
    onFailed: (why: string | null) => void = () => undefined,
    repeatMs = REPEAT_MS,
  ) {
    this.#client = client;
    this.#funnel = funnel;
    this.#selection = selection;
    this.#onLoaded = onLoaded;
    this.#onFailed = onFailed;
    this.#repeatMs = repeatMs;
  }

  stop(): void {
    clearTimeout(this.#settle);
    clearTimeout(this.#refreshTimer);
    this.#running?.abort();
  }

  /** Return the timeline of a visible node. The empty name is the cluster. */
  of(node: string): Timeline | undefined {
    return this.#timelines.get(node);
  }

  /** Whether the history of a visible node was read. */
  isLoaded(node: string): boolean {
    return this.#loaded.has(node);
  }

  /** Start of the earliest data among the histories that were read, in Unix seconds; `null` without data. */
  get firstSeconds(): number | null {
    const known = [...this.#loaded].map((name) => this.#timelines.get(name)?.firstSeconds ?? Number.POSITIVE_INFINITY);
    const first = Math.min(...known);
    return Number.isFinite(first) ? first : null;
  }

  /** Set the nodes that are visible now. */
  setVisible(names: readonly string[]): void {
    this.#visible = new Set(names);
    for (const name of [...this.#timelines.keys()].filter((known) => !this.#visible.has(known))) this.#forget(name);
    clearTimeout(this.#settle);
    if (names.every((name) => this.#loaded.has(name))) return;
    this.#settle = setTimeout(
      () =>
        this.#fetch(
          names.filter((name) => !this.#loaded.has(name)),
          REFRESH_MS,
        ),
      SETTLE_MS,
    );
  }

  /** Select another range, resolution or set of measures. */
  change(selection: HistorySelection): void {
    this.#selection = selection;
    this.#timelines.clear();
    this.#loaded.clear();
    this.#fetch([...this.#visible], REFRESH_MS);
  }

  /** Add a live round. A repeated round, for instance after a REST call that publishes, is ignored. */
  add(snapshot: Snapshot, nodes: Iterable<Node>): void {
    this.#intervalSeconds = snapshot.interval_seconds;
    const position = `${snapshot.epoch} ${snapshot.seq}`;
    if (position === this.#position) return;
    this.#position = position;
    const at = Date.parse(snapshot.timestamp) / 1000;
    const passedSeconds = Math.abs(at - this.#addedSeconds);
    if (passedSeconds > MISSED_ROUNDS * snapshot.interval_seconds) this.#scheduleRefresh(REFRESH_MS);
    this.#addedSeconds = at;
    if (this.#selection.span != null) return;
    for (const node of nodes) if (this.#visible.has(node.node)) this.#timeline(node.node).add(at, this.#values(node));
    if (this.#visible.has("")) this.#timeline("").add(at, averages(snapshot));
  }

  #values(node: Node): Values {
    return Object.fromEntries(this.#selection.measures.map((measure) => [measure, node[measure] ?? null]));
  }

  #timeline(name: string): Timeline {
    let timeline = this.#timelines.get(name);
    if (timeline === undefined) {
      const { rangeSeconds, points, span } = this.#selection;
      timeline = new Timeline(rangeSeconds, Math.max(10, Math.ceil(rangeSeconds / points)), span ?? null);
      this.#timelines.set(name, timeline);
    }
    return timeline;
  }

  #forget(name: string): void {
    this.#timelines.delete(name);
    this.#loaded.delete(name);
  }

  /** Read the histories of `names` now, and those of all visible nodes `againMs` later. */
  #fetch(names: readonly string[], againMs: number): void {
    this.#running?.abort();
    this.#running = new AbortController();
    this.#load(names, this.#running.signal).then(
      () => this.#scheduleRefresh(againMs),
      (error) => {
        if (error instanceof RestFailed) {
          this.#onFailed(error.message);
          this.#scheduleRefresh(REFRESH_MS);
        } else if (!(error instanceof DOMException)) {
          this.#funnel.report(error, "history");
        }
      },
    );
  }

  #scheduleRefresh(afterMs: number): void {
    clearTimeout(this.#refreshTimer);
    // Pages that missed the same rounds spread their requests.
    const spreadMs = afterMs * (1 + Math.random() / 2);
    this.#refreshTimer = setTimeout(() => {
      if (document.hidden) this.#scheduleRefresh(REFRESH_MS);
      // A part of the history changes no more, but a failed read is repeated.
      else if (this.#selection.span == null || [...this.#visible].some((name) => !this.#loaded.has(name)))
        this.#fetch([...this.#visible], this.#repeatMs);
    }, spreadMs);
  }

  /** Return the history, or `null` if a node is unknown. */
  async #fetchOrNull(query: HistoryQuery, aborted: AbortSignal): Promise<History | null> {
    try {
      return await this.#client.fetchHistory(query, aborted);
    } catch (error) {
      if (error instanceof RestFailed && error.status === 404) return null;
      throw error;
    }
  }

  async #load(names: readonly string[], aborted: AbortSignal): Promise<void> {
    const { rangeSeconds, points, measures, span = null } = this.#selection;
    const selections: (readonly string[] | null)[] = names.includes("") ? [null] : [];
    const nodes = names.filter((name) => name !== "");
    selections.push(...requestBatches(nodes));
    for (const asked of selections) {
      const history = await this.#fetchOrNull({ nodes: asked, rangeSeconds, points, measures, span }, aborted);
      if (history === null) {
        for (const name of asked ?? []) {
          this.#timeline(name);
          this.#loaded.add(name);
        }
        this.#onFailed(null);
        this.#onLoaded();
        continue;
      }
      for (const series of history.series) {
        const name = series.node ?? "";
        if (!this.#visible.has(name)) continue;
        this.#timeline(name).load(history, series, this.#intervalSeconds);
        this.#loaded.add(name);
      }
      this.#onFailed(null);
      this.#onLoaded();
    }
  }
}

function averages({ cluster_stats: { avg_cpu, avg_memory, avg_disk, avg_temperature } }: Snapshot): Values {
  return { cpu_usage: avg_cpu, memory_usage: avg_memory, disk_usage: avg_disk, temperature: avg_temperature };
}
