/** The worst state of the nodes in a group. */

import type { Node, Severity } from "../contract.ts";
import { bySeverity } from "../live/verdict.ts";
import { wording } from "../wording.ts";

/** A problem of a node with its severity, `unknown` (not yet scraped), or `online`. */
export interface GroupState {
  readonly mark: "offline" | Severity | "unknown" | "online";
  /** Severity of the problem. An offline node without a firing alert counts as a warning. */
  readonly severity: Severity | null;
}

const ONLINE: GroupState = { mark: "online", severity: null };
const UNKNOWN: GroupState = { mark: "unknown", severity: null };

/**
 * Return the state of the node that comes first among the nodes in trouble: the most severe, and among equal severities
 * an offline node. `severityOf`: highest severity of a node's firing alerts.
 */
export function worstState(nodes: readonly Node[], severityOf: (node: Node) => Severity | null): GroupState {
  let worst = ONLINE;
  for (const node of nodes) {
    const state = stateOf(node, severityOf(node));
    if (isWorse(state, worst)) worst = state;
  }
  return worst;
}

/** Return the word for a state. */
export function stateText({ mark }: GroupState): string {
  if (mark === "offline" || mark === "unknown" || mark === "online") return wording.nodeStatus[mark];
  return wording.severity[mark];
}

function stateOf({ status }: Node, severity: Severity | null): GroupState {
  if (status === "offline") return { mark: "offline", severity: severity ?? "warning" };
  if (severity !== null) return { mark: severity, severity };
  return status === "unknown" ? UNKNOWN : ONLINE;
}

function isWorse(a: GroupState, b: GroupState): boolean {
  if (a.severity === null) return b.severity === null && a.mark === "unknown" && b.mark === "online";
  if (b.severity === null) return true;
  const difference = bySeverity(a.severity, b.severity);
  return difference < 0 || (difference === 0 && a.mark === "offline" && b.mark !== "offline");
}
