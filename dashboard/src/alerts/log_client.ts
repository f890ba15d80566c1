/** Asks for pages of the alert log. */

import type { LogPosition } from "./log.ts";
import { type AlertLogPage, RESOURCES } from "../contract.ts";
import { wording } from "../wording.ts";

const TIMEOUT_MS = 10_000;
/** Entries of a page, at most. */
export const PAGE_ENTRIES = 500;

/** Why there is no page, in words for people. */
export class AlertLogFailed extends Error {}

export class AlertLogClient {
  readonly #fetch: typeof fetch;

  constructor(fetcher: typeof fetch = (...call) => fetch(...call)) {
    this.#fetch = fetcher;
  }

  /**
   * Return what follows `after`, or the newest entries where it is `null`.
   *
   * Rejects with `AlertLogFailed`, or as `aborted` says.
   */
  async ask(after: LogPosition, aborted: AbortSignal): Promise<AlertLogPage> {
    const query = new URLSearchParams({ limit: `${PAGE_ENTRIES}` });
    if (after !== null) query.set("after", after);
    const signal = AbortSignal.any([aborted, AbortSignal.timeout(TIMEOUT_MS)]);
    try {
      const response = await this.#fetch(`${RESOURCES.alertLog}?${query}`, {
        cache: "no-store",
        headers: { Accept: "application/json" },
        signal,
      });
      if (!response.ok) throw new AlertLogFailed(wording.httpStatus(response.status));
      return (await response.json()) as AlertLogPage;
    } catch (error) {
      if (aborted.aborted || error instanceof AlertLogFailed) throw error;
      throw new AlertLogFailed(wording.noAnswer);
    }
  }
}
