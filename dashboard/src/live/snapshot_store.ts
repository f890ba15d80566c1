/** The cluster's state on this page: the newest snapshot, in whole or in parts, however it arrived. */

import type { Delta, Node, Snapshot } from "../contract.ts";
import { applyDelta, compareCodePoints } from "./delta.ts";
import { LatestMessage, type MessageOrder } from "./latest_message.ts";

/** Names of the nodes that a subscription asks for; `null`: all of them. */
export type Scope = readonly string[] | null;

/**
 * What a subscription brings is kept apart from what the page shows: deltas step from the one, and the other never goes
 * back, though a replica may be behind the one before.
 */
export class SnapshotStore {
  readonly #shown = new LatestMessage<Snapshot>();
  #subscribed: Snapshot | null = null;
  #scope: Scope = null;

  /** The newest state; nodes out of the subscription's scope are as old as the last snapshot that had them. */
  get value(): Snapshot | null {
    return this.#shown.value;
  }

  /** Begin a subscription: until its first snapshot no delta fits. */
  subscribe(scope: Scope): void {
    this.#scope = scope;
    this.#subscribed = null;
  }

  /** Take the state of the subscription's nodes. `nowSeconds`: any monotonic clock, here and below. */
  accept(snapshot: Snapshot, nowSeconds: number): MessageOrder {
    const previous = this.#subscribed;
    if (previous !== null && previous.epoch === snapshot.epoch && snapshot.seq < previous.seq) return "older";
    this.#subscribed = snapshot;
    return this.#show(snapshot, this.#scope, nowSeconds);
  }

  /** Take a snapshot of all nodes that no subscription brought. */
  acceptFull(snapshot: Snapshot, nowSeconds: number): MessageOrder {
    return this.#show(snapshot, null, nowSeconds);
  }

  /** Take one step. `gap`: the step starts elsewhere and a full snapshot must be asked for. */
  acceptDelta(delta: Delta, nowSeconds: number): MessageOrder | "gap" {
    if (this.#subscribed === null) return "gap";
    const applied = applyDelta(this.#subscribed, delta);
    if (applied === "old") return "older";
    if (applied === "gap") return "gap";
    this.#subscribed = applied;
    return this.#show(applied, this.#scope, nowSeconds);
  }

  #show(snapshot: Snapshot, scope: Scope, nowSeconds: number): MessageOrder {
    const shown = this.#shown.value;
    const whole =
      scope === null || shown === null ? snapshot : { ...snapshot, nodes: overlaid(shown, snapshot, scope) };
    return this.#shown.accept(whole, nowSeconds);
  }
}

/** The nodes of `whole`, those within `scope` as `part` has them. */
function overlaid(whole: Snapshot, part: Snapshot, scope: readonly string[]): readonly Node[] {
  const newer = new Map(part.nodes.map((node) => [node.node, node]));
  const within = new Set(scope);
  const nodes: Node[] = [];
  for (const node of whole.nodes) {
    const kept = within.has(node.node) ? newer.get(node.node) : node;
    if (kept !== undefined) nodes.push(kept);
    newer.delete(node.node);
  }
  if (newer.size === 0) return nodes;
  return [...nodes, ...newer.values()].sort((a, b) => compareCodePoints(a.node, b.node));
}
