/** The name of a group. */

import type { Node } from "../contract.ts";
import { wording } from "../wording.ts";
import { labelOf, type NodeGroup } from "./node_groups.ts";

/** Return `rack 07`, or `without rack` for the nodes without the label. */
export function groupName({ label, value }: Pick<NodeGroup, "label" | "value">): string {
  return value === "" ? wording.withoutLabel(label) : `${label} ${value}`;
}

/** Return the name of a node's group by `label`. */
export function groupNameOf(node: Node, label: string): string {
  return groupName({ label, value: labelOf(node, label) });
}
