/**
 * How old the data is, and in which of four states that leaves the page.
 *
 * Only the browser's monotonic clock counts: wall clocks drift, here and on the boards.
 */

import type { MessageOrder } from "./latest_message.ts";

export type FreshnessState = "live" | "reconnecting" | "polling" | "stale";

/** What the page shows of its freshness: nothing gets fresh again while nobody is signed in. */
export type ShownFreshness = FreshnessState | "signed_out";

/** How a snapshot arrived: pushed in its round, or with an age that the server stated (`null`: it knew none). */
export type Arrival = { readonly kind: "live" } | { readonly kind: "stated"; readonly ageSeconds: number | null };

/** Data is never called stale earlier than this. */
export const STALE_FLOOR_SECONDS = 6;
/** Rounds that may be missed before data is stale. */
export const STALE_ROUNDS = 3;
/** Share of the age at which data is stale, from which it is overdue. */
export const OVERDUE_SHARE = 2 / 3;
/** Seconds that a new connection has to bring its first snapshot before it is judged by the data's age. */
export const FIRST_SNAPSHOT_SECONDS = 2;
/** Seconds after the last good poll in which the page still counts as polling. */
export const POLL_LIFETIME_SECONDS = 45;

/** Every method takes `nowSeconds` of one monotonic clock. */
export class Freshness {
  #limitSeconds = STALE_FLOOR_SECONDS;
  #anchor: { readonly atSeconds: number; readonly ageSeconds: number } | null = null;
  #connected = false;
  /** Until when the first snapshot of a new connection is waited for. */
  #firstSnapshotUntilSeconds = Number.NEGATIVE_INFINITY;
  #polledAtSeconds = Number.NEGATIVE_INFINITY;

  /** Note what became of a snapshot, and its interval. */
  noteSnapshot(order: MessageOrder, intervalSeconds: number, arrival: Arrival, nowSeconds: number): void {
    if (this.#connected) this.#firstSnapshotUntilSeconds = Number.NEGATIVE_INFINITY;
    if (order === "older") return;
    this.#limitSeconds = Math.max(STALE_ROUNDS * intervalSeconds, STALE_FLOOR_SECONDS);
    if (arrival.kind === "live") {
      // A repeat says nothing of when the data was taken.
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

  /** Note that a poll brought the server's latest snapshot. */
  pollSucceeded(nowSeconds: number): void {
    if (!this.#connected) this.#polledAtSeconds = nowSeconds;
  }

  /** Age of the data; `null` without any, infinite when nobody knows. */
  ageSeconds(nowSeconds: number): number | null {
    if (this.#anchor === null) return null;
    return Math.max(0, nowSeconds - this.#anchor.atSeconds) + this.#anchor.ageSeconds;
  }

  state(nowSeconds: number): FreshnessState {
    if (this.#connected && nowSeconds >= this.#firstSnapshotUntilSeconds) {
      return this.#isStale(nowSeconds) ? "stale" : "live";
    }
    if (nowSeconds - this.#polledAtSeconds <= POLL_LIFETIME_SECONDS) {
      // Between two polls data ages by design: judge it as it was when it was asked for.
      return this.#isStale(this.#polledAtSeconds) ? "stale" : "polling";
    }
    return this.#isStale(nowSeconds) ? "stale" : "reconnecting";
  }

  /** Whether something new should have come by now; sooner than the data is called stale. */
  isOverdue(nowSeconds: number): boolean {
    const age = this.ageSeconds(nowSeconds);
    return age === null || age > this.#limitSeconds * OVERDUE_SHARE;
  }

  #isStale(atSeconds: number): boolean {
    const age = this.ageSeconds(atSeconds);
    return age === null || age > this.#limitSeconds;
  }
}
