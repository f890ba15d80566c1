/** How a node's values look, in a row, a card or a list alike. */

import { nodeAddress } from "../address.ts";
import type { Alert, Node } from "../contract.ts";
import type { Fields } from "../fields.ts";
import { asIs } from "../fields.ts";
import * as format from "../format.ts";
import { errorOf, messageBeside } from "../said.ts";
import { wording } from "../wording.ts";

/** Fill `fields` from `node`; `now` is the snapshot's timestamp, `trouble` what its alerts say. */
export function showNode(fields: Fields, node: Node, now: string, trouble: string | null = null): void {
  fields.mark("node", node.node);
  fields.link(nodeAddress(node.node));
  fields.mark("status", node.status);
  fields.show("node", node.node, asIs);
  // Most nodes are workers; to say so on each of them would be noise.
  fields.show("role", node.role, (role) => (role === "master" ? role : ""));
  fields.show("status", node.status, (status) => wording.nodeStatus[status]);
  fields.show("since", format.elapsed(node.status_since, now), wording.forDuration);
  fields.show("error", errorOf(node), asIs);
  // The alert of an offline node repeats its error.
  fields.show("alerts", node.status === "offline" ? null : trouble, asIs);
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

/** Messages of the firing alerts of each node, by node. */
export function troubleByNode(alerts: readonly Alert[]): ReadonlyMap<string, string> {
  const trouble = new Map<string, string>();
  for (const alert of alerts) {
    if (alert.state !== "firing") continue;
    const former = trouble.get(alert.node);
    const message = messageBeside(alert);
    trouble.set(alert.node, former === undefined ? message : `${former} · ${message}`);
  }
  return trouble;
}
