/** How a node's values look, in a row, a card or a list alike. */

import { nodeAddress } from "../address.ts";
import type { Alert, Measure, Node, Severity } from "../contract.ts";
import type { Fields } from "../fields.ts";
import { asIs } from "../fields.ts";
import * as format from "../format.ts";
import { bySeverity } from "../live/verdict.ts";
import { errorText, messageWithoutNode } from "../message_texts.ts";
import { wording } from "../wording.ts";

/** What is wrong with a node, by its firing alerts. */
export interface NodeTrouble {
  /** The gravest first. */
  readonly text: string;
  readonly severity: Severity;
  /** How grave it is for each of the node's figures that is too high. */
  readonly offends: ReadonlyMap<Measure, Severity>;
}

/** Which figure of a node a rule looks at. */
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

/** Fill `fields` from `node`; `now` is the snapshot's timestamp, `trouble` what its alerts say. */
export function showNode(fields: Fields, node: Node, now: string, trouble: NodeTrouble | null = null): void {
  const isOffline = node.status === "offline";
  fields.mark("trouble", trouble?.severity ?? (isOffline ? "warning" : ""));
  for (const figure of FIGURES) fields.flag(figure, "offends", trouble?.offends.get(figure) ?? null);
  fields.flag("alerts", "severity", trouble?.severity ?? null);
  fields.mark("node", node.node);
  fields.link(nodeAddress(node.node));
  fields.mark("status", node.status);
  fields.show("node", node.node, asIs);
  // Most nodes are workers; to say so on each of them would be noise.
  fields.show("role", node.role, (role) => (role === "master" ? role : ""));
  fields.show("status", node.status, (status) => wording.nodeStatus[status]);
  fields.show("since", format.elapsed(node.status_since, now), wording.forDuration);
  fields.show("error", errorText(node), asIs);
  // The alert of an offline node repeats its error.
  fields.show("alerts", isOffline ? null : (trouble?.text ?? null), asIs);
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

/** What the firing alerts say of each node, by node. */
export function troubleByNode(alerts: readonly Alert[]): ReadonlyMap<string, NodeTrouble> {
  const trouble = new Map<string, NodeTrouble>();
  const firing = alerts.filter(({ state }) => state === "firing").sort((a, b) => bySeverity(a.severity, b.severity));
  for (const alert of firing) {
    const former = trouble.get(alert.node);
    const message = messageWithoutNode(alert);
    const offends = new Map(former?.offends);
    const figure = figureOf(alert);
    if (figure !== null && !offends.has(figure)) offends.set(figure, alert.severity);
    trouble.set(alert.node, {
      text: former === undefined ? message : `${former.text} · ${message}`,
      severity: former?.severity ?? alert.severity,
      offends,
    });
  }
  return trouble;
}

/** Other disks than that of the root have no figure; an alert's id is `rule/node/detail`. */
function figureOf({ id, rule, node }: Alert): Measure | null {
  const detail = id.slice(rule.length + node.length + 2);
  if (rule === "filesystem_full" && detail !== "/") return null;
  if (rule === "pressure" && detail === "memory") return "pressure_memory";
  return FIGURE_OF_RULE[rule] ?? null;
}
