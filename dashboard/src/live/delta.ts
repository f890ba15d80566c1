/** Apply a delta to a snapshot. The Python side (`contract/delta.py`) is held to the same golden examples. */

import type { Delta, Node, Snapshot } from "../contract.ts";

/** The snapshot at `delta.seq`, or why there is none: `old` changes nothing, `gap` needs a full snapshot. */
export type Applied = Snapshot | "old" | "gap";

/** Nodes that did not change stay the same objects. `base` is left as it is. */
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
    // A node without a previous state stands in the delta whole.
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

/** MessageOrder as Python sorts text; JavaScript's own order of UTF-16 units differs above U+FFFF. */
export function compareCodePoints(a: string, b: string): number {
  for (let index = 0; index < a.length && index < b.length; index += 1) {
    const difference = (a.codePointAt(index) as number) - (b.codePointAt(index) as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
