/** The cluster's state on this page: the newest snapshot, however it arrived. */

import type { Delta, Snapshot } from "./contract.ts";
import { applyDelta } from "./delta.ts";
import { Latest, type Order } from "./order.ts";

/** Full snapshots replace, deltas step from one to the next. */
export class SnapshotStore extends Latest<Snapshot> {
  /** Take one step. `gap`: the step starts elsewhere and a full snapshot must be asked for. */
  takeDelta(delta: Delta, nowSeconds: number): Order | "gap" {
    if (this.value === null) return "gap";
    const applied = applyDelta(this.value, delta);
    if (applied === "old") return "older";
    if (applied === "gap") return "gap";
    return this.take(applied, nowSeconds);
  }
}
