/**
 * The age of the data and the resulting state of the page.
 *
 * Uses only the browser's monotonic clock, because the wall clocks of browsers and boards drift.
 */

import type { MessageOrder } from "./latest_message.ts";

export type FreshnessState = "live" | "reconnecting" | "polling" | "stale";

/** The freshness that the page shows. A signed-out page receives no fresh data. */
export type ShownFreshness = FreshnessState | "signed_out";

/** How a snapshot arrived: pushed in its round, or with an age from the server (`null`: unknown). */
export type Arrival = { readonly kind: "live" } | { readonly kind: "stated"; readonly ageSeconds: number | null };

/** Minimum age of stale data. */
export const STALE_FLOOR_SECONDS = 6;
/** Number of missed rounds after which data is stale. */
export const STALE_ROUNDS = 3;
/** Data is overdue from this share of the age at which it becomes stale. */
export const OVERDUE_SHARE = 2 / 3;
/** Seconds in which a new connection must deliver its first snapshot. Then the age of the data decides. */
export const FIRST_SNAPSHOT_SECONDS = 2;
/** Seconds after the last successful poll during which the page counts as polling. */
export const POLL_LIFETIME_SECONDS = 45;

/** Every method receives `nowSeconds` of the same monotonic clock. */
export class Freshness {
  #limitSeconds = STALE_FLOOR_SECONDS;
  #anchor: { readonly atSeconds: number; readonly ageSeconds: number } | null = null;
  #connected = false;
  /** End of the wait for the first snapshot of a new connection. */
  #firstSnapshotUntilSeconds = Number.NEGATIVE_INFINITY;
  #polledAtSeconds = Number.NEGATIVE_INFINITY;

  /** Record the arrival of a snapshot and its interval. */
  noteSnapshot(order: MessageOrder, intervalSeconds: number, arrival: Arrival, nowSeconds: number): void {
    if (this.#connected) this.#firstSnapshotUntilSeconds = Number.NEGATIVE_INFINITY;
    if (order === "older") return;
    this.#limitSeconds = Math.max(STALE_ROUNDS * intervalSeconds, STALE_FLOOR_SECONDS);
    if (arrival.kind === "live") {
      // A repeated snapshot does not reveal when its data was measured.
      if (order === "newer") this.#anchor = { atSeconds: nowSeconds, ageSeconds: 0 };
    } else if (arrival.ageSeconds !== null || order === "newer") {
      this.#anchor = { atSeconds: nowSeconds, ageSeconds: arrival.ageSeconds ?? Number.POSITIVE_INFINITY };
    }
  }

  pushConnected(nowSeconds: number): void {
    this.#connected = true;
    this.#firstSnapshotUntilSeconds = nowSeconds + FIRST_SNAPSHOT_SECONDS;
  }

  pushLost(): void {
    this.#connected = false;
    this.#polledAtSeconds = Number.NEGATIVE_INFINITY;
  }

  /** Record that a poll delivered the server's latest snapshot. */
  pollSucceeded(nowSeconds: number): void {
    if (!this.#connected) this.#polledAtSeconds = nowSeconds;
  }

  /** Age of the data; `null` without data, infinite if unknown. */
  ageSeconds(nowSeconds: number): number | null {
    if (this.#anchor === null) return null;
    return Math.max(0, nowSeconds - this.#anchor.atSeconds) + this.#anchor.ageSeconds;
  }

  state(nowSeconds: number): FreshnessState {
    if (this.#connected && nowSeconds >= this.#firstSnapshotUntilSeconds) {
      return this.#isStale(nowSeconds) ? "stale" : "live";
    }
    if (nowSeconds - this.#polledAtSeconds <= POLL_LIFETIME_SECONDS) {
      // Data ages between two polls, so its age at the last poll decides.
      return this.#isStale(this.#polledAtSeconds) ? "stale" : "polling";
    }
    return this.#isStale(nowSeconds) ? "stale" : "reconnecting";
  }

  /** Whether new data should have arrived by now. Data is overdue before it is stale. */
  isOverdue(nowSeconds: number): boolean {
    const age = this.ageSeconds(nowSeconds);
    return age === null || age > this.#limitSeconds * OVERDUE_SHARE;
  }

  #isStale(atSeconds: number): boolean {
    const age = this.ageSeconds(atSeconds);
    return age === null || age > this.#limitSeconds;
  }
}
