/** Which nodes are in trouble, and why. */

import type { Alert, Node, Severity, Timestamp } from "../contract.ts";
import { bySeverity } from "../live/verdict.ts";
import { errorOf, messageBeside } from "../said.ts";

/** What a cell shows by its shape; `unknown` is no trouble, only not known yet. */
export type CellMark = "offline" | Severity | "unknown";

/** A node in trouble. */
export interface TroubledNode {
  readonly node: Node;
  readonly mark: Exclude<CellMark, "unknown">;
  /** How grave it is; a node that is offline before any alert of it fires is a warning. */
  readonly severity: Severity;
  readonly reason: string;
  readonly since: Timestamp;
}

/** FiringAlerts alerts by node. */
export type FiringAlerts = ReadonlyMap<string, readonly Alert[]>;

export function firingByNode(alerts: readonly Alert[]): FiringAlerts {
  const firing = new Map<string, Alert[]>();
  for (const alert of alerts) {
    if (alert.state !== "firing") continue;
    const known = firing.get(alert.node);
    if (known === undefined) firing.set(alert.node, [alert]);
    else known.push(alert);
  }
  return firing;
}

/** The mark of `node`; `null` where all is well. */
export function markOf(node: Node, firing: FiringAlerts): CellMark | null {
  if (node.status === "offline") return "offline";
  const alerts = firing.get(node.node);
  if (alerts !== undefined) return mostSevere(alerts);
  return node.status === "unknown" ? "unknown" : null;
}

/** Nodes in trouble: the gravest first, of equally grave ones those that are offline, of equals what happened last. */
export function troubledNodes(nodes: readonly Node[], firing: FiringAlerts): TroubledNode[] {
  const troubles: TroubledNode[] = [];
  for (const node of nodes) {
    const mark = markOf(node, firing);
    if (mark === null || mark === "unknown") continue;
    const severity = mark === "offline" ? offlineSeverity(node, firing) : mark;
    troubles.push({ node, mark, severity, reason: reasonOf(node, firing) ?? "", since: sinceOf(node, firing) });
  }
  return troubles.sort(
    (a, b) =>
      bySeverity(a.severity, b.severity) ||
      Number(b.mark === "offline") - Number(a.mark === "offline") ||
      Date.parse(b.since) - Date.parse(a.since),
  );
}

/** Why `node` is in trouble, in the page's language; `null` where it is not, or nobody knows. */
export function reasonOf(node: Node, firing: FiringAlerts): string | null {
  // The alert of an offline node repeats its error.
  if (node.status === "offline") return node.error === null ? null : errorOf(node);
  const alerts = [...(firing.get(node.node) ?? [])].sort((a, b) => bySeverity(a.severity, b.severity));
  const messages = alerts.map(messageBeside);
  return messages.length === 0 ? null : messages.join(" · ");
}

function sinceOf(node: Node, firing: FiringAlerts): Timestamp {
  if (node.status === "offline") return node.status_since;
  const times = (firing.get(node.node) ?? []).map((alert) => alert.since);
  return times.reduce((latest, since) => (Date.parse(since) > Date.parse(latest) ? since : latest));
}

function offlineSeverity(node: Node, firing: FiringAlerts): Severity {
  const alerts = firing.get(node.node);
  return alerts === undefined ? "warning" : mostSevere(alerts);
}

function mostSevere(alerts: readonly Alert[]): Severity {
  if (alerts.some((alert) => alert.severity === "critical")) return "critical";
  return alerts.some((alert) => alert.severity === "warning") ? "warning" : "info";
}
