/** Reads the data by REST while the push is down. */

import { type Alerts, type Health, RESOURCES, type Snapshot } from "../contract.ts";
import { get, RestFailed } from "../rest.ts";
import { wording } from "../wording.ts";
import type { Arrival } from "./freshness.ts";

export const POLL_INTERVAL_SECONDS = 30;
/** Pages that lost the same server spread their polls by this share of the interval, in both directions. */
const JITTER = 0.1;

/** Receives the results of polls. */
export interface PollingListener {
  snapshot(snapshot: Snapshot, arrival: Arrival): void;
  health(health: Health): void;
  alerts(alerts: Alerts): void;
  /** A poll ended; `failure`: why there is no snapshot, or `null`. */
  polled(failure: string | null): void;
}

/** `start()` polls immediately and then every interval, until `stop()`. Both may be called repeatedly. */
export class Polling {
  readonly #listener: PollingListener;
  readonly #fetch: typeof fetch;
  #running: AbortController | null = null;

  constructor(listener: PollingListener, fetcher: typeof fetch = (...call) => fetch(...call)) {
    this.#listener = listener;
    this.#fetch = fetcher;
  }

  start(): void {
    if (this.#running !== null) return;
    this.#running = new AbortController();
    void this.#run(this.#running.signal);
  }

  stop(): void {
    this.#running?.abort();
    this.#running = null;
  }

  async #run(stopped: AbortSignal): Promise<void> {
    while (!stopped.aborted) {
      await this.#poll(stopped);
      await pause(POLL_INTERVAL_SECONDS * (1 + JITTER * (2 * Math.random() - 1)), stopped);
    }
  }

  async #poll(stopped: AbortSignal): Promise<void> {
    const [snapshot, health, alerts] = await Promise.all([
      this.#ask<Snapshot>(RESOURCES.snapshot, stopped),
      this.#ask<Health>(RESOURCES.health, stopped),
      this.#ask<Alerts>(RESOURCES.alerts, stopped),
    ]);
    if (stopped.aborted) return;
    if ("body" in health) this.#listener.health(health.body);
    if ("body" in alerts) this.#listener.alerts(alerts.body);
    if ("body" in snapshot) {
      this.#listener.snapshot(snapshot.body, { kind: "stated", ageSeconds: snapshot.ageSeconds });
      this.#listener.polled(null);
    } else {
      this.#listener.polled(snapshot.failure);
    }
  }

  async #ask<Body>(path: string, stopped: AbortSignal): Promise<PollResult<Body>> {
    try {
      const { body, headers } = await get<Body>(this.#fetch, path, stopped);
      return { body, ageSeconds: statedAge(headers) };
    } catch (error) {
      return { failure: error instanceof RestFailed ? error.message : wording.noAnswer };
    }
  }
}

type PollResult<Body> = { readonly body: Body; readonly ageSeconds: number | null } | { readonly failure: string };

function statedAge(headers: Headers): number | null {
  const text = headers.get("Age");
  const age = Number(text);
  return text === null || !Number.isFinite(age) ? null : age;
}

function pause(seconds: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stopped.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      stopped.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, seconds * 1000);
    stopped.addEventListener("abort", done);
  });
}
