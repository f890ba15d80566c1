/** Reads what the alert log of this page lacks, and tries again when that fails. */

import { RestFailed } from "../rest.ts";
import { wording } from "../wording.ts";
import { AlertLogClient } from "./log_client.ts";
import type { AlertLogEntries } from "./log_entries.ts";

export const LOG_RETRY_SECONDS = 10;

/** Told after every page that was taken, with `null`, and after every failure, with its reason. */
export type LoadListener = (failure: string | null) => void;

/** From `start()` to `stop()`, `catchUp()` reads as long as the log is behind. */
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

  /** Read if the log has fallen behind; where a read is under way or waits for its turn, that one serves. */
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
        // The api may remember less than a message told of while Redis is away.
        if (!this.#log.addResultPage(page)) throw new RestFailed(wording.newestNotThere);
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
