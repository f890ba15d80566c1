/** The state of the cluster on this page: the newest snapshot, complete or partly updated. */

import type { Delta, Node, Snapshot } from "../contract.ts";
import { applyDelta, compareCodePoints } from "./delta.ts";
import { LatestMessage, type MessageOrder } from "./latest_message.ts";

/** Names of the subscription's nodes; `null`: all nodes. */
export type Scope = readonly string[] | null;

/**
 * The state of the subscription is separate from the state that the page shows. Deltas apply to the subscription's
 * state, which may go back with another replica. The shown state never goes back.
 */
export class SnapshotStore {
  readonly #shown = new LatestMessage<Snapshot>();
  #subscribed: Snapshot | null = null;
  #scope: Scope = null;

  /** The newest state. Nodes outside the subscription are as old as the last snapshot that contained them. */
  get value(): Snapshot | null {
    return this.#shown.value;
  }

  /** Begin a subscription. No delta fits before its first snapshot. */
  subscribe(scope: Scope): void {
    this.#scope = scope;
    this.#subscribed = null;
  }

  /** Accept the state of the subscription's nodes. `nowSeconds`: any monotonic clock, also below. */
  accept(snapshot: Snapshot, nowSeconds: number): MessageOrder {
    const previous = this.#subscribed;
    if (previous !== null && previous.epoch === snapshot.epoch && snapshot.seq < previous.seq) return "older";
    this.#subscribed = snapshot;
    return this.#show(snapshot, this.#scope, nowSeconds);
  }

  /** Accept a snapshot of all nodes from outside the subscription. */
  acceptFull(snapshot: Snapshot, nowSeconds: number): MessageOrder {
    return this.#show(snapshot, null, nowSeconds);
  }

  /** Apply a delta. `gap`: the delta starts from another state, and a full snapshot is needed. */
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

/** Return the nodes of `whole`, with those in `scope` replaced by the nodes of `part`. */
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
