/** What every page can do. */

import type { HistoryClient } from "../charts/history_client.ts";
import type { Alerts, Health, Snapshot } from "../contract.ts";
import type { ErrorFunnel } from "../errors.ts";
import type { DataListener } from "../live/live_data.ts";
import type { Push } from "../live/push.ts";
import type { Scope } from "../live/snapshot_store.ts";

/** What a page may use. */
export interface PageServices {
  readonly push: Push;
  /** For what is asked of the api. */
  readonly fetcher: typeof fetch;
  readonly history: HistoryClient;
  readonly funnel: ErrorFunnel;
}

/** `start()` takes hold of the page's elements, `stop()` lets go; in between it is shown what arrives. */
export abstract class Page implements DataListener {
  /** The nodes that the page asks for at first; it changes that by `services.push.subscribe()`. */
  get scope(): Scope {
    return null;
  }

  start(_stage: PageServices): void {}

  stop(): void {}

  showSnapshot(_snapshot: Snapshot): void {}

  showHealth(_health: Health): void {}

  showAlerts(_alerts: Alerts): void {}
}
