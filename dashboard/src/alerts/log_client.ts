/** Reads result pages of the alert log. */

import { type AlertLogPage, RESOURCES } from "../contract.ts";
import { get } from "../rest.ts";
import type { LogPosition } from "./log_entries.ts";

/** Maximum number of entries in a result page. */
export const ENTRIES_PER_RESULT_PAGE = 500;

export class AlertLogClient {
  readonly #fetch: typeof fetch;

  constructor(fetcher: typeof fetch = (...call) => fetch(...call)) {
    this.#fetch = fetcher;
  }

  /**
   * Return the entries after `after`, or the newest entries if `after` is `null`.
   *
   * Rejects with `RestFailed`, or with the reason of `aborted`.
   */
  async fetchResultPage(after: LogPosition, aborted: AbortSignal): Promise<AlertLogPage> {
    const query = new URLSearchParams({ limit: `${ENTRIES_PER_RESULT_PAGE}` });
    if (after !== null) query.set("after", after);
    return (await get<AlertLogPage>(this.#fetch, `${RESOURCES.alertLog}?${query}`, aborted)).body;
  }
}
