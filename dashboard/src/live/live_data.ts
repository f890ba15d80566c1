/** All that the page knows of the cluster, and who is told when it changes. */

import type { Alerts, Delta, Health, Initial, Snapshot } from "../contract.ts";
import { type Arrival, Freshness } from "./freshness.ts";
import { Latest, type Order } from "./order.ts";
import { type Scope, SnapshotStore } from "./snapshot_store.ts";

/** Told of every message that was taken; of one that was dropped, nobody is. */
export interface Audience {
  showSnapshot(snapshot: Snapshot): void;
  showHealth(health: Health): void;
  showAlerts(alerts: Alerts): void;
}

/** Seconds of a monotonic clock. */
export type Clock = () => number;

const LIVE: Arrival = { kind: "live" };

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
      this.takeWhole(initial.snapshot, { kind: "stated", ageSeconds: initial.age_seconds }, atSeconds);
    }
  }

  /** A subscription to the nodes of `scope` begins. */
  subscribe(scope: Scope): void {
    this.#snapshots.subscribe(scope);
  }

  /** Take a snapshot of the subscription's nodes. */
  takeSnapshot(snapshot: Snapshot, arrival: Arrival): void {
    this.#taken(this.#snapshots.take(snapshot, this.#clock()), arrival, this.#clock());
  }

  /** Take a snapshot of all nodes that no subscription brought. */
  takeWhole(snapshot: Snapshot, arrival: Arrival, atSeconds = this.#clock()): void {
    this.#taken(this.#snapshots.takeWhole(snapshot, atSeconds), arrival, atSeconds);
  }

  /** Take a step; return whether it fitted. */
  takeDelta(delta: Delta): boolean {
    const order = this.#snapshots.takeDelta(delta, this.#clock());
    if (order === "gap") return false;
    this.#taken(order, LIVE, this.#clock());
    return true;
  }

  takeHealth(health: Health): void {
    if (this.#health.take(health, this.#clock()) !== "older") this.#audience.showHealth(health);
  }

  takeAlerts(alerts: Alerts): void {
    if (this.#alerts.take(alerts, this.#clock()) !== "older") this.#audience.showAlerts(alerts);
  }

  #taken(order: Order, arrival: Arrival, atSeconds: number): void {
    const snapshot = this.#snapshots.value;
    if (snapshot === null) return;
    this.freshness.snapshotTaken(order, snapshot.interval_seconds, arrival, atSeconds);
    if (order !== "older") this.#audience.showSnapshot(snapshot);
  }
}
