/** All that the page knows about the cluster. Notifies a listener about changes. */

import type { Alerts, Delta, Health, Initial, Snapshot } from "../contract.ts";
import { type Arrival, Freshness } from "./freshness.ts";
import { LatestMessage, type MessageOrder } from "./latest_message.ts";
import { type Scope, SnapshotStore } from "./snapshot_store.ts";

/** Receives every accepted message, and no dropped message. */
export interface DataListener {
  showSnapshot(snapshot: Snapshot): void;
  showHealth(health: Health): void;
  showAlerts(alerts: Alerts): void;
}

/** Seconds of a monotonic clock. */
export type Clock = () => number;

const LIVE: Arrival = { kind: "live" };

/** The newest message of each kind, and the freshness of the data. */
export class LiveData {
  readonly freshness = new Freshness();
  readonly #snapshots = new SnapshotStore();
  readonly #health = new LatestMessage<Health>();
  readonly #alerts = new LatestMessage<Alerts>();
  readonly #clock: Clock;
  readonly #listener: DataListener;

  constructor(clock: Clock, listener: DataListener) {
    this.#clock = clock;
    this.#listener = listener;
  }

  /** Accept the data that the server wrote into the page, which arrived at `atSeconds`. */
  acceptInitial(initial: Initial, atSeconds: number): void {
    // The snapshot comes last, because a page shows nodes together with their alerts.
    if (initial.health !== null) this.acceptHealth(initial.health);
    if (initial.alerts !== null) this.acceptAlerts(initial.alerts);
    if (initial.snapshot !== null) {
      this.acceptFull(initial.snapshot, { kind: "stated", ageSeconds: initial.age_seconds }, atSeconds);
    }
  }

  /** Begin a subscription to the nodes of `scope`. */
  subscribe(scope: Scope): void {
    this.#snapshots.subscribe(scope);
  }

  /** Accept a snapshot of the subscription's nodes. */
  acceptSnapshot(snapshot: Snapshot, arrival: Arrival): void {
    this.#onSnapshot(this.#snapshots.accept(snapshot, this.#clock()), arrival, this.#clock());
  }

  /** Accept a snapshot of all nodes from outside the subscription. */
  acceptFull(snapshot: Snapshot, arrival: Arrival, atSeconds = this.#clock()): void {
    this.#onSnapshot(this.#snapshots.acceptFull(snapshot, atSeconds), arrival, atSeconds);
  }

  /** Apply a delta; return whether it fitted. */
  acceptDelta(delta: Delta): boolean {
    const order = this.#snapshots.acceptDelta(delta, this.#clock());
    if (order === "gap") return false;
    this.#onSnapshot(order, LIVE, this.#clock());
    return true;
  }

  acceptHealth(health: Health): void {
    if (this.#health.accept(health, this.#clock()) !== "older") this.#listener.showHealth(health);
  }

  acceptAlerts(alerts: Alerts): void {
    if (this.#alerts.accept(alerts, this.#clock()) !== "older") this.#listener.showAlerts(alerts);
  }

  #onSnapshot(order: MessageOrder, arrival: Arrival, atSeconds: number): void {
    const snapshot = this.#snapshots.value;
    if (snapshot === null) return;
    this.freshness.noteSnapshot(order, snapshot.interval_seconds, arrival, atSeconds);
    if (order !== "older") this.#listener.showSnapshot(snapshot);
  }
}
