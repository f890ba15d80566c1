/** Asks for what was measured before the page was opened. */

import { type History, type Measure, RESOURCES } from "../contract.ts";
import { get } from "../rest.ts";

/** Nodes that one request may name, and bytes that their names may take in its address. */
const NODES_A_REQUEST = 50;
const NAMES_BYTES = 4000;

/** What a chart wants. `nodes`: `null` for the cluster's averages. */
export interface HistoryQuery {
  readonly nodes: readonly string[] | null;
  readonly rangeSeconds: number;
  readonly points: number;
  readonly measures: readonly Measure[];
}

/** `names` in the order given, in requestBatches for one request each. */
export function requestBatches(names: readonly string[]): string[][] {
  const found: string[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const own = "&node=".length + encodeURIComponent(name).length;
    const last = found.at(-1);
    if (last === undefined || last.length === NODES_A_REQUEST || bytes + own > NAMES_BYTES) {
      found.push([name]);
      bytes = own;
    } else {
      last.push(name);
      bytes += own;
    }
  }
  return found;
}

/** `ask()` may run several times at once. */
export class HistoryClient {
  readonly #fetch: typeof fetch;

  constructor(fetcher: typeof fetch = (...call) => fetch(...call)) {
    this.#fetch = fetcher;
  }

  /** Return the history; rejects with `RestFailed`, or as `aborted` says. */
  async fetchHistory(question: HistoryQuery, aborted?: AbortSignal): Promise<History> {
    const query = new URLSearchParams({
      range_seconds: `${question.rangeSeconds}`,
      points: `${question.points}`,
    });
    for (const measure of question.measures) query.append("measure", measure);
    for (const node of question.nodes ?? []) query.append("node", node);
    return (await get<History>(this.#fetch, `${RESOURCES.history}?${query}`, aborted)).body;
  }
}
