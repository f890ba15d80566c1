/** Reads the incidents of a period: each alert that fired, as one piece from its beginning to its end. */

import { given } from "../address.ts";
import { type Incident, type IncidentsPage, RESOURCES } from "../contract.ts";
import { get, RestFailed } from "../rest.ts";
import type { AlertFilter } from "./filter.ts";

/** Of a page; as many as the api gives at most. */
const PAGE_INCIDENTS = 1000;
/** After a failure. */
export const AGAIN_SECONDS = 10;
/** The record of what has just ended is written with the message that says so; others may end in the same round. */
const SETTLE_MS = 500;

/** The periods by their name in the address, in hours; `null`: all that is known. */
export const PERIODS: Readonly<Record<string, number | null>> = { "24h": 24, "7d": 168, all: null };

/** What a reader knows. `failure`: why it could not read, for people. */
export interface Incidents {
  /** Newest first; those that go on among them. */
  readonly found: readonly Incident[];
  readonly knownSince: string | null;
  /** Whether there are older ones. */
  readonly hasMore: boolean;
  readonly failure: string | null;
}

export const NOTHING_READ: Incidents = { found: [], knownSince: null, hasMore: false, failure: null };

/** Address of the incidents of a period. */
export function incidentsAddress(hours: number | null, more: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(hours === null ? more : { hours: `${hours}`, ...more });
  return `${RESOURCES.incidents}?${query}`;
}

/** Address of the incidents that `filter` lets through, as a table. */
export function incidentsTable(hours: number | null, { severity, transition, text }: AlertFilter): string {
  return incidentsAddress(hours, given({ format: "csv", severity, transition, q: text.trim() }));
}

/** `start()` reads the first page of a period, and again when told that something ended; `listener` is told of each. */
export class IncidentReader {
  readonly #fetch: typeof fetch;
  readonly #listener: (incidents: Incidents) => void;
  #hours: number | null;
  #known = NOTHING_READ;
  #next: string | null = null;
  #running: AbortController | null = null;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(fetcher: typeof fetch, hours: number | null, listener: (incidents: Incidents) => void) {
    this.#fetch = fetcher;
    this.#hours = hours;
    this.#listener = listener;
  }

  start(): void {
    this.#read(null);
  }

  stop(): void {
    this.#running?.abort();
    clearTimeout(this.#again);
  }

  /** Read another period. */
  change(hours: number | null): void {
    this.#hours = hours;
    this.#read(null);
  }

  /** Something has ended. */
  refresh(): void {
    this.#readIn(SETTLE_MS);
  }

  /** Read older ones too. */
  more(): void {
    if (this.#next !== null) this.#read(this.#next);
  }

  #readIn(milliseconds: number): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#read(null), milliseconds);
  }

  #read(after: string | null): void {
    this.#running?.abort();
    this.#running = new AbortController();
    const { signal } = this.#running;
    clearTimeout(this.#again);
    const more = { limit: `${PAGE_INCIDENTS}`, ...(after === null ? {} : { after }) };
    get<IncidentsPage>(this.#fetch, incidentsAddress(this.#hours, more), signal).then(
      ({ body }) => this.#take(body, after),
      (error) => {
        if (signal.aborted) return;
        if (!(error instanceof RestFailed)) throw error;
        this.#tell({ ...this.#known, failure: error.message });
        this.#readIn(AGAIN_SECONDS * 1000);
      },
    );
  }

  #take(page: IncidentsPage, after: string | null): void {
    const former = after === null ? [] : this.#known.found;
    this.#next = page.next;
    this.#tell({
      found: [...former, ...page.incidents],
      knownSince: page.known_since,
      hasMore: page.next !== null,
      failure: null,
    });
  }

  #tell(known: Incidents): void {
    this.#known = known;
    this.#listener(known);
  }
}

/** How often each alert fired, by its id. */
export function timesById(incidents: readonly Incident[]): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const { alert_id } of incidents) times.set(alert_id, (times.get(alert_id) ?? 0) + 1);
  return times;
}
