/** Loads the incidents of a period. An incident is one firing alert, from its beginning to its end. */

import { nonEmpty } from "../address.ts";
import { type Incident, type IncidentsPage, RESOURCES } from "../contract.ts";
import { get, RestFailed } from "../rest.ts";
import type { AlertFilter } from "./alert_filter.ts";

/** The api's maximum for one result page. */
const INCIDENTS_PER_RESULT_PAGE = 1000;
/** Seconds between a failure and the next attempt. */
export const INCIDENTS_RETRY_SECONDS = 10;
/** The incident is stored with the message that announces its end. More incidents may end in the same round. */
const SETTLE_MS = 500;

/** Hours of each period, by the name of the period in the address; `null`: all known incidents. */
export const PERIODS: Readonly<Record<string, number | null>> = { "24h": 24, "7d": 168, all: null };

/** The loaded incidents. `failure`: why loading failed, for readers. */
export interface Incidents {
  /** Newest first, including the incidents that have not ended. */
  readonly found: readonly Incident[];
  readonly knownSince: string | null;
  /** Whether older incidents exist. */
  readonly hasMore: boolean;
  readonly failure: string | null;
}

export const NO_INCIDENTS: Incidents = { found: [], knownSince: null, hasMore: false, failure: null };

/** Address of the incidents of a period. */
export function incidentsAddress(hours: number | null, more: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(hours === null ? more : { hours: `${hours}`, ...more });
  return `${RESOURCES.incidents}?${query}`;
}

type Choices = Pick<AlertFilter, "severity" | "transition">;

/** Address of the CSV file with the incidents of a severity and transition. The api does not know the search. */
export function incidentsCsvAddress(hours: number | null, { severity, transition }: Choices): string {
  return incidentsAddress(hours, nonEmpty({ format: "csv", severity, transition }));
}

/** Return all incidents of the file at `incidentsCsvAddress()`. Rejects with `RestFailed`. */
export async function allIncidents(
  fetcher: typeof fetch,
  hours: number | null,
  { severity, transition }: Choices,
): Promise<Incident[]> {
  const found: Incident[] = [];
  let after: string | null = "";
  while (after !== null) {
    const more = nonEmpty({ limit: `${INCIDENTS_PER_RESULT_PAGE}`, severity, transition, after });
    const { body }: { body: IncidentsPage } = await get<IncidentsPage>(fetcher, incidentsAddress(hours, more));
    found.push(...body.incidents);
    after = body.next;
  }
  return found;
}

/** `start()` and `refresh()` read the newest result page of the period. `listener` receives each result. */
export class IncidentLoader {
  readonly #fetch: typeof fetch;
  readonly #listener: (incidents: Incidents) => void;
  #hours: number | null;
  #known = NO_INCIDENTS;
  #next: string | null = null;
  #running: AbortController | null = null;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;

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
    clearTimeout(this.#retryTimer);
  }

  /** Read another period. */
  change(hours: number | null): void {
    this.#hours = hours;
    this.#read(null);
  }

  /** Read again because an incident has ended. */
  refresh(): void {
    this.#readIn(SETTLE_MS);
  }

  /** Read the next older result page too. */
  loadMore(): void {
    if (this.#next !== null) this.#read(this.#next);
  }

  #readIn(milliseconds: number): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.#read(null), milliseconds);
  }

  #read(after: string | null): void {
    this.#running?.abort();
    this.#running = new AbortController();
    const { signal } = this.#running;
    clearTimeout(this.#retryTimer);
    const more = { limit: `${INCIDENTS_PER_RESULT_PAGE}`, ...(after === null ? {} : { after }) };
    get<IncidentsPage>(this.#fetch, incidentsAddress(this.#hours, more), signal).then(
      ({ body }) => this.#onIncidents(body, after),
      (error) => {
        if (signal.aborted) return;
        if (!(error instanceof RestFailed)) throw error;
        this.#publish({ ...this.#known, failure: error.message });
        this.#readIn(INCIDENTS_RETRY_SECONDS * 1000);
      },
    );
  }

  #onIncidents(page: IncidentsPage, after: string | null): void {
    const previous = after === null ? [] : this.#known.found;
    this.#next = page.next;
    this.#publish({
      found: [...previous, ...page.incidents],
      knownSince: page.known_since,
      hasMore: page.next !== null,
      failure: null,
    });
  }

  #publish(known: Incidents): void {
    this.#known = known;
    this.#listener(known);
  }
}

/** Return how often each alert fired, by the alert's id. */
export function firingCounts(incidents: readonly Incident[]): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const { alert_id } of incidents) times.set(alert_id, (times.get(alert_id) ?? 0) + 1);
  return times;
}
