/** Reads the history of measures. */

import { type History, type Measure, RESOURCES } from "../contract.ts";
import { get } from "../rest.ts";
import { type Span, utc } from "./span.ts";

/** Maximum number of nodes in one request, and maximum length in bytes of their names in its address. */
const NODES_PER_REQUEST = 50;
const NAME_BYTES_PER_REQUEST = 4000;

/** A selection of the history. `nodes`: `null` for the averages of the cluster. */
export interface HistoryQuery {
  readonly nodes: readonly string[] | null;
  readonly rangeSeconds: number;
  readonly points: number;
  readonly measures: readonly Measure[];
  /** A part of the history in place of the range up to now. */
  readonly span?: Span | null;
}

/** Split `names`, in their order, into batches of one request each. */
export function requestBatches(names: readonly string[]): string[][] {
  const found: string[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const own = "&node=".length + encodeURIComponent(name).length;
    const last = found.at(-1);
    if (last === undefined || last.length === NODES_PER_REQUEST || bytes + own > NAME_BYTES_PER_REQUEST) {
      found.push([name]);
      bytes = own;
    } else {
      last.push(name);
      bytes += own;
    }
  }
  return found;
}

/** `fetchHistory()` may run several times in parallel. */
export class HistoryClient {
  readonly #fetch: typeof fetch;

  constructor(fetcher: typeof fetch = (...call) => fetch(...call)) {
    this.#fetch = fetcher;
  }

  /** Return the history. Rejects with `RestFailed`, or with the reason of `aborted`. */
  async fetchHistory(query: HistoryQuery, aborted?: AbortSignal): Promise<History> {
    const parameters = new URLSearchParams({ ...rangeParameters(query), points: `${query.points}` });
    for (const measure of query.measures) parameters.append("measure", measure);
    for (const node of query.nodes ?? []) parameters.append("node", node);
    return (await get<History>(this.#fetch, `${RESOURCES.history}?${parameters}`, aborted)).body;
  }
}

/** Return the parameters of a span, or of the last `rangeSeconds` without a span. */
export function rangeParameters({
  rangeSeconds,
  span,
}: Pick<HistoryQuery, "rangeSeconds" | "span">): Record<string, string> {
  return span == null ? { range_seconds: `${rangeSeconds}` } : { start: utc(span.from), end: utc(span.to) };
}
