/** Reads what the alert log of this page lacks, and tries again when that fails. */

import { RestFailed } from "../rest.ts";
import { wording } from "../wording.ts";
import type { AlertLog } from "./log.ts";
import { AlertLogClient } from "./log_client.ts";

export const AGAIN_AFTER_SECONDS = 10;

/** Told after every page that was taken, with `null`, and after every failure, with its reason. */
export type LogListener = (failure: string | null) => void;

/** From `start()` to `stop()`, `catchUp()` reads as long as the log is behind. */
export class AlertLogReader {
  readonly #log: AlertLog;
  readonly #listener: LogListener;
  readonly #client: AlertLogClient;
  #running: AbortController | null = null;
  #reading: AbortSignal | null = null;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(log: AlertLog, listener: LogListener, client: AlertLogClient = new AlertLogClient()) {
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
    clearTimeout(this.#again);
    this.#again = undefined;
  }

  /** Read if the log has fallen behind; where a read is under way or waits for its turn, that one serves. */
  catchUp(): void {
    const stopped = this.#running?.signal ?? null;
    if (stopped === null || this.#reading === stopped || this.#again !== undefined) return;
    void this.#read(stopped);
  }

  async #read(stopped: AbortSignal): Promise<void> {
    this.#reading = stopped;
    try {
      while (this.#log.behind) {
        const page = await this.#client.ask(this.#log.position, stopped);
        if (stopped.aborted) return;
        // The api may remember less than a message told of while Redis is away.
        if (!this.#log.takePage(page)) throw new RestFailed(wording.newestNotThere);
        this.#listener(null);
      }
    } catch (error) {
      if (stopped.aborted) return;
      if (!(error instanceof RestFailed)) throw error;
      this.#again = setTimeout(() => {
        this.#again = undefined;
        this.catchUp();
      }, AGAIN_AFTER_SECONDS * 1000);
      this.#listener(error.message);
    } finally {
      if (this.#reading === stopped) this.#reading = null;
    }
  }
}
