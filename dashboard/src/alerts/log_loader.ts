/** Loads the missing entries of the alert log, and tries again after a failure. */

import { RestFailed } from "../rest.ts";
import { wording } from "../wording.ts";
import { AlertLogClient } from "./log_client.ts";
import type { AlertLogEntries } from "./log_entries.ts";

export const LOG_RETRY_SECONDS = 10;

/** Receives `null` after every result page, and the reason after every failure. */
export type LoadListener = (failure: string | null) => void;

/** Between `start()` and `stop()`, `catchUp()` reads until no entry is missing. */
export class AlertLogLoader {
  readonly #log: AlertLogEntries;
  readonly #listener: LoadListener;
  readonly #client: AlertLogClient;
  #running: AbortController | null = null;
  #reading: AbortSignal | null = null;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(log: AlertLogEntries, listener: LoadListener, client: AlertLogClient = new AlertLogClient()) {
    this.#log = log;
    this.#listener = listener;
    this.#client = client;
  }

  start(): void {
    this.#running ??= new AbortController();
    this.catchUp();
  }

  stop(): void {
    this.#running?.abort();
    this.#running = null;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
  }

  /** Read if entries are missing and no read is running or planned. */
  catchUp(): void {
    const stopped = this.#running?.signal ?? null;
    if (stopped === null || this.#reading === stopped || this.#retryTimer !== undefined) return;
    void this.#read(stopped);
  }

  async #read(stopped: AbortSignal): Promise<void> {
    this.#reading = stopped;
    try {
      while (this.#log.isBehind) {
        const page = await this.#client.fetchResultPage(this.#log.position, stopped);
        if (stopped.aborted) return;
        // While Redis is down, the api may have fewer entries than a message announced.
        if (!this.#log.addResultPage(page)) throw new RestFailed(wording.newestEntriesMissing);
        this.#listener(null);
      }
    } catch (error) {
      if (stopped.aborted) return;
      if (!(error instanceof RestFailed)) throw error;
      this.#retryTimer = setTimeout(() => {
        this.#retryTimer = undefined;
        this.catchUp();
      }, LOG_RETRY_SECONDS * 1000);
      this.#listener(error.message);
    } finally {
      if (this.#reading === stopped) this.#reading = null;
    }
  }
}
