/** Data that the server writes into the page, so that the page shows data before it connects. */

import type { Initial } from "../contract.ts";

/** Id of the `<script type="application/json">` element. */
export const INITIAL_ID = "initial";

const NOTHING: Initial = {
  snapshot: null,
  health: null,
  alerts: null,
  age_seconds: null,
  redis_down_since: null,
  version: null,
  cluster_name: null,
};

/** Return the data of the page. Missing fields are `null`. */
export function readInitial(page: Document): Initial {
  const text = page.getElementById(INITIAL_ID)?.textContent?.trim();
  return text ? { ...NOTHING, ...(JSON.parse(text) as Partial<Initial>) } : NOTHING;
}

/** When the first byte of the page arrived, in seconds of `performance.now()`. */
export function receivedAtSeconds(): number {
  const [navigation] = performance.getEntriesByType("navigation");
  return navigation instanceof PerformanceNavigationTiming ? navigation.responseStart / 1000 : 0;
}
