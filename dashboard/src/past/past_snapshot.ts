/** The cluster at a past moment, in the form of a snapshot: the nodes of today with their values at that moment. */

import { type HistoryMoment, MEASURES, type Node, type Snapshot } from "../contract.ts";

type PastMeasures = HistoryMoment["nodes"][number]["measures"];

/**
 * Return the snapshot. A node without data at the moment has the status `unknown`; a node that is not in `today` is
 * left out. The fields that the history lacks are empty.
 */
export function pastSnapshot(today: Snapshot, moment: HistoryMoment): Snapshot {
  const measures = new Map(moment.nodes.map(({ node, measures }) => [node, measures]));
  const nodes = today.nodes.map((node) => pastNode(node, measures.get(node.node), moment.at));
  const online = nodes.filter(({ status }) => status === "online");
  const average = (field: "cpu_usage" | "memory_usage" | "disk_usage" | "temperature"): number | null => {
    const known = online.map((node) => node[field]).filter((value) => value !== null);
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
  };
  return {
    ...today,
    timestamp: moment.at,
    cluster_stats: {
      total_nodes: nodes.length,
      online_nodes: online.length,
      avg_cpu: average("cpu_usage"),
      avg_memory: average("memory_usage"),
      avg_disk: average("disk_usage"),
      avg_temperature: average("temperature"),
    },
    nodes,
  };
}

function pastNode(node: Node, measures: PastMeasures | undefined, at: string): Node {
  const values = Object.fromEntries(MEASURES.map((measure) => [measure, measures?.[measure] ?? null]));
  return {
    ...node,
    ...values,
    status: measures === undefined ? "unknown" : "online",
    is_healthy: measures !== undefined,
    status_since: at,
    error: null,
    error_coded: null,
    boot_time: null,
  };
}
