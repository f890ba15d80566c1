/**
 * Applies a delta to a snapshot. `contract/delta.py` does the same, and both are tested with the same golden examples.
 */

import type { Delta, Node, Snapshot } from "../contract.ts";

/** The snapshot at `delta.seq`; `old`: the delta changes nothing; `gap`: a full snapshot is needed. */
export type Applied = Snapshot | "old" | "gap";

/** Apply `delta`. Unchanged nodes stay the same objects, and `base` is not modified. */
export function applyDelta(base: Snapshot, delta: Delta): Applied {
  if (delta.epoch !== base.epoch) return delta.epoch < base.epoch ? "old" : "gap";
  if (delta.seq <= base.seq) return "old";
  if (delta.base_seq !== base.seq) return "gap";
  const nodes = new Map(base.nodes.map((node) => [node.node, node]));
  for (const name of delta.removed) nodes.delete(name);
  let added = false;
  for (const change of delta.changed) {
    const previous = nodes.get(change.node);
    added ||= previous === undefined;
    // A delta has all fields of a new node.
    nodes.set(change.node, previous === undefined ? (change as Node) : { ...previous, ...change });
  }
  const list = [...nodes.values()];
  if (added) list.sort((a, b) => compareCodePoints(a.node, b.node));
  return {
    ...base,
    seq: delta.seq,
    timestamp: delta.timestamp,
    cluster_stats: delta.cluster_stats,
    nodes: list,
  };
}

/** Compare as Python does. JavaScript compares UTF-16 units, which gives another order above U+FFFF. */
export function compareCodePoints(a: string, b: string): number {
  for (let index = 0; index < a.length && index < b.length; index += 1) {
    const difference = (a.codePointAt(index) as number) - (b.codePointAt(index) as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
