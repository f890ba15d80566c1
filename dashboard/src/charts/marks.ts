/** Reads the events of nodes: alerts that begin and end, reboots, nodes that come and go. */

import { type HistoryMarks, RESOURCES } from "../contract.ts";
import type { ErrorFunnel } from "../errors.ts";
import { get, RestFailed } from "../rest.ts";
import { rangeParameters, requestBatches } from "./history_client.ts";
import type { TimedMark } from "./mark_lines.ts";
import { type Span, utc } from "./span.ts";

const REFRESH_MS = 60_000;
/** After an alert, and between two changes of the nodes on the screen. */
const SOON_MS = 1500;

/** The nodes and the range of the events. Without a span, the range ends now. */
export interface MarkSelection {
  readonly nodes: readonly string[];
  readonly rangeSeconds: number;
  readonly span: Span | null;
}

/** Until `stop()`, `onChange` is called when the events may have changed. */
export class Marks {
  readonly #fetcher: typeof fetch;
  readonly #funnel: ErrorFunnel;
  readonly #onChange: () => void;
  #selection: MarkSelection = { nodes: [], rangeSeconds: 3600, span: null };
  #known: readonly TimedMark[] = [];
  #ofNode = new Map<string, readonly TimedMark[]>();
  #isComplete = true;
  #failure: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | null = null;

  constructor(fetcher: typeof fetch, funnel: ErrorFunnel, onChange: () => void) {
    this.#fetcher = fetcher;
    this.#funnel = funnel;
    this.#onChange = onChange;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#running?.abort();
  }

  /** Select nodes and a range. Events of other nodes stay until the answer. */
  select(selection: MarkSelection, isSettled = true): void {
    this.#selection = selection;
    if (isSettled) this.#fetch();
    else this.refresh();
  }

  /** Read the events again soon, for instance after an alert. */
  refresh(): void {
    this.#schedule(SOON_MS);
  }

  /** Oldest first. */
  get all(): readonly TimedMark[] {
    return this.#known;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Why the events could not be read; `null` after a success. */
  get failure(): string | null {
    return this.#failure;
  }

  of(node: string): readonly TimedMark[] {
    return this.#ofNode.get(node) ?? [];
  }

  #schedule(afterMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (document.hidden) this.#schedule(REFRESH_MS);
      else this.#fetch();
    }, afterMs);
  }

  #fetch(): void {
    this.#running?.abort();
    this.#running = new AbortController();
    const { span } = this.#selection;
    this.#load(this.#running.signal).then(
      () => {
        this.#failure = null;
        this.#onChange();
      },
      (error) => {
        if (error instanceof DOMException) return;
        this.#failure = error instanceof RestFailed ? error.message : String(error);
        if (!(error instanceof RestFailed)) this.#funnel.report(error, "marks");
        this.#onChange();
      },
    );
    // Events of a part of the past are complete.
    if (span === null) this.#schedule(REFRESH_MS);
    else clearTimeout(this.#timer);
  }

  async #load(aborted: AbortSignal): Promise<void> {
    const { nodes, rangeSeconds, span } = this.#selection;
    const answers: HistoryMarks[] = [];
    for (const names of requestBatches(nodes)) {
      const parameters = new URLSearchParams(rangeParameters({ rangeSeconds, span }));
      for (const name of names) parameters.append("node", name);
      answers.push((await get<HistoryMarks>(this.#fetcher, `${RESOURCES.historyMarks}?${parameters}`, aborted)).body);
    }
    this.#known = timed(answers);
    this.#isComplete = answers.every(({ is_complete }) => is_complete !== false);
    this.#ofNode = new Map();
    for (const each of this.#known) {
      const own = this.#ofNode.get(each.mark.node) ?? [];
      this.#ofNode.set(each.mark.node, [...own, each]);
    }
  }
}

/** Return the events of all answers, oldest first. */
export function timed(answers: readonly Pick<HistoryMarks, "marks">[]): TimedMark[] {
  return answers
    .flatMap(({ marks }) => marks)
    .map((mark) => ({ at: Date.parse(mark.at) / 1000, mark }))
    .sort((a, b) => a.at - b.at);
}

/** Key of an event among others. */
export function keyOf({ at, mark }: TimedMark): string {
  return `${utc(at)} ${mark.kind} ${mark.node} ${mark.rule ?? ""} ${mark.message ?? ""}`;
}
