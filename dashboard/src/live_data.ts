/** All that the page knows of the cluster, and who is told when it changes. */

import type { Alerts, Health, Initial, Snapshot } from "./contract.ts";
import { type Arrival, Freshness } from "./freshness.ts";
import { Latest } from "./order.ts";
import { SnapshotStore } from "./snapshot_store.ts";

/** Told of every message that was taken; of one that was dropped, nobody is. */
export interface Audience {
  showSnapshot(snapshot: Snapshot): void;
  showHealth(health: Health): void;
  showAlerts(alerts: Alerts): void;
}

/** Seconds of a monotonic clock. */
export type Clock = () => number;

/** The newest of each message, and how fresh it is. */
export class LiveData {
  readonly freshness = new Freshness();
  readonly #snapshots = new SnapshotStore();
  readonly #health = new Latest<Health>();
  readonly #alerts = new Latest<Alerts>();
  readonly #clock: Clock;
  readonly #audience: Audience;

  constructor(clock: Clock, audience: Audience) {
    this.#clock = clock;
    this.#audience = audience;
  }

  /** Take what the server wrote into the page, which arrived at `atSeconds`. */
  takeInitial(initial: Initial, atSeconds: number): void {
    // The snapshot last: a page shows nodes together with their alerts.
    if (initial.health !== null) this.takeHealth(initial.health);
    if (initial.alerts !== null) this.takeAlerts(initial.alerts);
    if (initial.snapshot !== null) {
      this.takeSnapshot(initial.snapshot, { kind: "stated", ageSeconds: initial.age_seconds }, atSeconds);
    }
  }

  takeSnapshot(snapshot: Snapshot, arrival: Arrival, atSeconds = this.#clock()): void {
    const order = this.#snapshots.take(snapshot, atSeconds);
    this.freshness.snapshotTaken(order, snapshot.interval_seconds, arrival, atSeconds);
    if (order !== "older") this.#audience.showSnapshot(snapshot);
  }

  takeHealth(health: Health): void {
    if (this.#health.take(health, this.#clock()) !== "older") this.#audience.showHealth(health);
  }

  takeAlerts(alerts: Alerts): void {
    if (this.#alerts.take(alerts, this.#clock()) !== "older") this.#audience.showAlerts(alerts);
  }
}
