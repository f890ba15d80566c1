/** Fills the fields of a node in a row, a card or a list. */

import { nodeAddress } from "../address.ts";
import type { Alert, Measure, Node, Severity } from "../contract.ts";
import type { Fields } from "../fields.ts";
import { asIs } from "../fields.ts";
import * as format from "../format.ts";
import { bySeverity } from "../live/verdict.ts";
import { errorText, messageWithoutNode } from "../message_texts.ts";
import { wording } from "../wording.ts";

/** Summary of a node's firing alerts. */
export interface NodeAlertSummary {
  /** Messages, most severe first. */
  readonly text: string;
  readonly severity: Severity;
  /** The figures of the node that exceed a threshold, with the severity of their alerts. */
  readonly offending: ReadonlyMap<Measure, Severity>;
}

/** The figure that each rule checks. */
const FIGURE_OF_RULE: Readonly<Record<string, Measure>> = {
  cpu: "cpu_usage",
  memory: "memory_usage",
  filesystem_full: "disk_usage",
  temperature: "temperature",
  swap: "swap_usage",
  pressure: "pressure_io",
};
const FIGURES = [
  "cpu_usage",
  "memory_usage",
  "disk_usage",
  "temperature",
  "swap_usage",
  "pressure_io",
  "pressure_memory",
] as const;

/** Fill `fields` from `node`. `now`: timestamp of the snapshot. `alertSummary`: firing alerts of the node. */
export function showNode(fields: Fields, node: Node, now: string, alertSummary: NodeAlertSummary | null = null): void {
  const isOffline = node.status === "offline";
  fields.setData("trouble", alertSummary?.severity ?? (isOffline ? "warning" : ""));
  for (const figure of FIGURES) fields.setFieldData(figure, "offends", alertSummary?.offending.get(figure) ?? null);
  fields.setFieldData("alerts", "severity", alertSummary?.severity ?? null);
  fields.setData("node", node.node);
  fields.setLinks(nodeAddress(node.node));
  fields.setData("status", node.status);
  fields.show("node", node.node, asIs);
  // Most nodes are workers, so only a master shows its role.
  fields.show("role", node.role, (role) => (role === "master" ? role : ""));
  fields.show("status", node.status, (status) => wording.nodeStatus[status]);
  fields.show("since", format.elapsed(node.status_since, now), wording.forDuration);
  fields.show("error", errorText(node), asIs);
  // The alert of an offline node repeats its error.
  fields.show("alerts", isOffline ? null : (alertSummary?.text ?? null), asIs);
  fields.show("cpu_usage", node.cpu_usage, format.percent);
  fields.show("cpu_count", node.cpu_count, format.count);
  fields.show("load1", node.load1, format.load);
  fields.show("memory_usage", node.memory_usage, format.percent);
  fields.show("memory_total_bytes", node.memory_total_bytes, wording.ofTotal);
  fields.show("disk_usage", node.disk_usage, format.percent);
  fields.show("disk_total_bytes", node.disk_total_bytes, wording.ofTotal);
  fields.show("temperature", node.temperature, format.celsius);
  fields.show("network_receive_bytes_per_second", node.network_receive_bytes_per_second, format.bytesPerSecond);
  fields.show("network_transmit_bytes_per_second", node.network_transmit_bytes_per_second, format.bytesPerSecond);
  fields.show("disk_read_bytes_per_second", node.disk_read_bytes_per_second, format.bytesPerSecond);
  fields.show("disk_written_bytes_per_second", node.disk_written_bytes_per_second, format.bytesPerSecond);
  fields.show("iowait", node.iowait ?? null, format.percent);
  fields.show("swap_usage", node.swap_usage ?? null, format.percent);
  fields.show("pressure_io", node.pressure_io ?? null, format.wholePercent);
  fields.show("pressure_memory", node.pressure_memory ?? null, format.wholePercent);
}

/** Return a summary of the firing alerts of each node, by the node's name. */
export function alertSummaryByNode(alerts: readonly Alert[]): ReadonlyMap<string, NodeAlertSummary> {
  const alertSummary = new Map<string, NodeAlertSummary>();
  const firing = alerts.filter(({ state }) => state === "firing").sort((a, b) => bySeverity(a.severity, b.severity));
  for (const alert of firing) {
    const previous = alertSummary.get(alert.node);
    const message = messageWithoutNode(alert);
    const offending = new Map(previous?.offending);
    const figure = figureOf(alert);
    if (figure !== null && !offending.has(figure)) offending.set(figure, alert.severity);
    alertSummary.set(alert.node, {
      text: previous === undefined ? message : `${previous.text} · ${message}`,
      severity: previous?.severity ?? alert.severity,
      offending,
    });
  }
  return alertSummary;
}

/**
 * Return the figure that an alert is about. Only the root file system has a figure. An alert's id is
 * `rule/node/detail`.
 */
function figureOf({ id, rule, node }: Alert): Measure | null {
  const detail = id.slice(rule.length + node.length + 2);
  if (rule === "filesystem_full" && detail !== "/") return null;
  if (rule === "pressure" && detail === "memory") return "pressure_memory";
  return FIGURE_OF_RULE[rule] ?? null;
}
