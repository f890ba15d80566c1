/** Which nodes are in trouble, and why. */

import type { Alert, Node, Severity, Timestamp } from "../contract.ts";
import { bySeverity } from "../live/verdict.ts";
import { errorText, messageWithoutNode } from "../message_texts.ts";

/** What a cell shows by its shape; `unknown` is no trouble, only not known yet. */
export type Mark = "offline" | Severity | "unknown";

/** A node in trouble. */
export interface Trouble {
  readonly node: Node;
  readonly mark: Exclude<Mark, "unknown">;
  /** How grave it is; a node that is offline before any alert of it fires is a warning. */
  readonly severity: Severity;
  readonly reason: string;
  readonly since: Timestamp;
}

/** Firing alerts by node. */
export type Firing = ReadonlyMap<string, readonly Alert[]>;

export function firingByNode(alerts: readonly Alert[]): Firing {
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
export function markOf(node: Node, firing: Firing): Mark | null {
  if (node.status === "offline") return "offline";
  const alerts = firing.get(node.node);
  if (alerts !== undefined) return gravest(alerts);
  return node.status === "unknown" ? "unknown" : null;
}

/** Nodes in trouble: the gravest first, of equally grave ones those that are offline, of equals what happened last. */
export function troublesOf(nodes: readonly Node[], firing: Firing): Trouble[] {
  const troubles: Trouble[] = [];
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
export function reasonOf(node: Node, firing: Firing): string | null {
  // The alert of an offline node repeats its error.
  if (node.status === "offline") return node.error === null ? null : errorText(node);
  const alerts = [...(firing.get(node.node) ?? [])].sort((a, b) => bySeverity(a.severity, b.severity));
  const messages = alerts.map(messageWithoutNode);
  return messages.length === 0 ? null : messages.join(" · ");
}

function sinceOf(node: Node, firing: Firing): Timestamp {
  if (node.status === "offline") return node.status_since;
  const times = (firing.get(node.node) ?? []).map((alert) => alert.since);
  return times.reduce((latest, since) => (Date.parse(since) > Date.parse(latest) ? since : latest));
}

function offlineSeverity(node: Node, firing: Firing): Severity {
  const alerts = firing.get(node.node);
  return alerts === undefined ? "warning" : gravest(alerts);
}

function gravest(alerts: readonly Alert[]): Severity {
  if (alerts.some((alert) => alert.severity === "critical")) return "critical";
  return alerts.some((alert) => alert.severity === "warning") ? "warning" : "info";
}
