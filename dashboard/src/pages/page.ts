/** Base class of the pages. */

import type { HistoryClient } from "../charts/history_client.ts";
import type { Alerts, Health, Snapshot } from "../contract.ts";
import type { ErrorFunnel } from "../errors.ts";
import type { DataListener } from "../live/live_data.ts";
import type { PageTitle } from "../live/page_title.ts";
import type { Push } from "../live/push.ts";
import type { Scope } from "../live/snapshot_store.ts";

/** Services for a page. */
export interface PageServices {
  readonly push: Push;
  /** `fetch` for the api. */
  readonly fetcher: typeof fetch;
  readonly history: HistoryClient;
  readonly funnel: ErrorFunnel;
  readonly title: PageTitle;
}

/**
 * `start()` attaches the page's elements and `stop()` detaches them. In between, the page shows the data that arrives.
 */
export abstract class Page implements DataListener {
  /** The nodes that the page subscribes to at first. `services.push.subscribe()` changes the subscription. */
  get scope(): Scope {
    return null;
  }

  start(_stage: PageServices): void {}

  stop(): void {}

  showSnapshot(_snapshot: Snapshot): void {}

  showHealth(_health: Health): void {}

  showAlerts(_alerts: Alerts): void {}
}
