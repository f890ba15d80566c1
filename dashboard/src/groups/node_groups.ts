/** Groups of nodes by the value of a label, such as the racks of a cluster. */

import type { Measure, Node } from "../contract.ts";
import { LANGUAGE } from "../language.ts";
import { compareCodePoints } from "../live/delta.ts";

/** Nodes with the same value of a label. */
export interface NodeGroup {
  /** Name of the label. */
  readonly label: string;
  /** Value of the label; empty for the nodes without the label. Labels never have an empty value. */
  readonly value: string;
  /** In the order of the input. Never empty. */
  readonly nodes: readonly Node[];
}

const values = new Intl.Collator(LANGUAGE, { numeric: true });

/** Return the value of a node's label; empty if the node lacks the label. */
export function labelOf({ labels }: Node, label: string): string {
  return labels !== undefined && Object.hasOwn(labels, label) ? (labels[label] ?? "") : "";
}

/** Return the names of all labels of `nodes`, sorted. */
export function labelNamesOf(nodes: readonly Node[]): string[] {
  const names = new Set<string>();
  for (const { labels } of nodes) for (const name in labels) if (labels[name] !== "") names.add(name);
  return [...names].sort(compareNaturally);
}

/** Return the groups of `nodes` by `label`, sorted naturally by value. The nodes without the label come last. */
export function groupsOf(nodes: readonly Node[], label: string): NodeGroup[] {
  const members = new Map<string, Node[]>();
  for (const node of nodes) {
    const value = labelOf(node, label);
    const known = members.get(value);
    if (known === undefined) members.set(value, [node]);
    else known.push(node);
  }
  const found = [...members].map(([value, group]) => ({ label, value, nodes: group }));
  return found.sort((a, b) => Number(a.value === "") - Number(b.value === "") || compareNaturally(a.value, b.value));
}

/** Return the average of the known values of `measure` of the online nodes, as in `cluster_stats`; `null` without a value. */
export function averageOf(nodes: readonly Node[], measure: Measure): number | null {
  let sum = 0;
  let count = 0;
  for (const node of nodes) {
    const value = node.status === "online" ? node[measure] : null;
    if (value === null || value === undefined) continue;
    sum += value;
    count += 1;
  }
  return count === 0 ? null : sum / count;
}

/** Compare such that "rack 2" comes before "rack 10". The order of texts like "7" and "07" is fixed too. */
function compareNaturally(a: string, b: string): number {
  return values.compare(a, b) || compareCodePoints(a, b);
}
