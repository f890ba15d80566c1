/** Finds the nodes in trouble and the reasons. */

import type { Alert, Node, Severity, Timestamp } from "../contract.ts";
import { bySeverity } from "../live/verdict.ts";
import { errorText, messageWithoutNode } from "../message_texts.ts";

/** The shape that a cell shows. `unknown` means that the node was not scraped yet. */
export type CellMark = "offline" | Severity | "unknown";

/** A node that is offline or has a firing alert. */
export interface TroubledNode {
  readonly node: Node;
  readonly mark: Exclude<CellMark, "unknown">;
  /** The highest severity of the node's alerts. An offline node without a firing alert counts as a warning. */
  readonly severity: Severity;
  readonly reason: string;
  readonly since: Timestamp;
}

/** Firing alerts by the node's name. */
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

/** Return the mark of `node`; `null` for a healthy node. */
export function markOf(node: Node, firing: FiringAlerts): CellMark | null {
  if (node.status === "offline") return "offline";
  const alerts = firing.get(node.node);
  if (alerts !== undefined) return mostSevere(alerts);
  return node.status === "unknown" ? "unknown" : null;
}

/**
 * Return the nodes in trouble, most severe first. Among equal severities, offline nodes come first, then the latest.
 */
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

/** Return why `node` is in trouble, in the page's language; `null` for a healthy node or without a known reason. */
export function reasonOf(node: Node, firing: FiringAlerts): string | null {
  // The alert of an offline node repeats its error.
  if (node.status === "offline") return node.error === null ? null : errorText(node);
  const alerts = [...(firing.get(node.node) ?? [])].sort((a, b) => bySeverity(a.severity, b.severity));
  const messages = alerts.map(messageWithoutNode);
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

/** Return the highest severity of alerts, of which there is at least one. */
export function mostSevere(alerts: readonly Alert[]): Severity {
  if (alerts.some((alert) => alert.severity === "critical")) return "critical";
  return alerts.some((alert) => alert.severity === "warning") ? "warning" : "info";
}
