/**
 * The wire as this page sees it: namespaces, events, REST paths and the shapes of the messages.
 *
 * Mirrors `contract/events.py`, `contract/messages.py` and `contract/rest.py`; tests hold both to the golden examples.
 * What is not known is `null`. Nothing else in the dashboard spells one of these names.
 */

export const NAMESPACES = { root: "/", health: "/health", monitoring: "/monitoring" } as const;
export type Namespace = (typeof NAMESPACES)[keyof typeof NAMESPACES];

export const EVENTS = {
  connectionConfirmed: "connection_confirmed",
  redisClusterMetrics: "redis_cluster_metrics",
  redisClusterHealth: "redis_cluster_health",
  redisClusterAlerts: "redis_cluster_alerts",
  requestHealth: "request_health",
  healthConnected: "health_connected",
  healthUpdate: "health_update",
  healthResponse: "health_response",
  requestClusterStatus: "request_cluster_status",
  requestNodesStatus: "request_nodes_status",
  subscribeToUpdates: "subscribe_to_updates",
  monitoringConnected: "monitoring_connected",
  clusterStatusResponse: "cluster_status_response",
  nodesStatusResponse: "nodes_status_response",
  subscribedToUpdates: "subscribed_to_updates",
  clusterMetrics: "cluster_metrics",
  clusterMetricsDelta: "cluster_metrics_delta",
  alertsUpdate: "alerts_update",
  error: "error",
} as const;

/** REST resources that only read. `/api/cluster/nodes` and `/api/health` also publish, so no page polls them. */
export const RESOURCES = {
  snapshot: "/api/cluster/snapshot",
  nodes: "/api/cluster/nodes",
  health: "/api/cluster/health",
  alerts: "/api/alerts",
  alertLog: "/api/alerts/log",
  history: "/api/history",
  rules: "/api/rules",
  incidents: "/api/incidents",
  session: "/api/session",
} as const;

/** `code` of the refusals that a page acts on, of the push service and of the api. */
export const ERROR_CODES = {
  signInRequired: "sign_in_required",
  forbidden: "forbidden",
  limitExceeded: "limit_exceeded",
} as const;

/** RFC 3339 in UTC. */
export type Timestamp = string;
export type NodeStatus = "online" | "offline" | "unknown";
export type OverallStatus = "healthy" | "warning" | "critical" | "unknown";
export type Severity = "info" | "warning" | "critical";
/** What this release writes; a later one may write others. */
export type Transition = "started" | "pending" | "firing" | "resolved" | "pended";

/** Where a message stands in the collector's order. */
export interface Position {
  readonly epoch: number;
  readonly seq: number;
}

/** A sentence of the collector's for programs, beside its English text. `contract/golden/codes.json` has all codes. */
export interface Coded {
  readonly code: string;
  readonly args: Arguments;
}
export type Arguments = Readonly<Record<string, Argument>>;
/** Raw numbers, names and paths; a `Coded` is a cause. */
export type Argument = string | number | null | Coded;

/** Percent 0–100, °C, bytes, bytes per second. */
export interface Node {
  readonly node: string;
  readonly address: string;
  readonly role: "worker" | "master";
  readonly status: NodeStatus;
  readonly is_healthy: boolean;
  readonly status_since: Timestamp;
  readonly error: string | null;
  readonly boot_time: Timestamp | null;
  readonly cpu_usage: number | null;
  readonly cpu_count: number | null;
  readonly load1: number | null;
  readonly memory_usage: number | null;
  readonly memory_total_bytes: number | null;
  readonly disk_usage: number | null;
  readonly disk_total_bytes: number | null;
  readonly temperature: number | null;
  readonly network_receive_bytes_per_second: number | null;
  readonly network_transmit_bytes_per_second: number | null;
  readonly disk_read_bytes_per_second: number | null;
  readonly disk_written_bytes_per_second: number | null;
  /** Here and below: a collector of 0.1 does not write them. */
  readonly iowait?: number | null;
  readonly swap_usage?: number | null;
  readonly pressure_io?: number | null;
  readonly pressure_memory?: number | null;
  /** What `error` says; a collector before 0.3 does not write it. */
  readonly error_coded?: Coded | null;
}

export interface ClusterStats {
  readonly total_nodes: number;
  readonly online_nodes: number;
  readonly avg_cpu: number | null;
  readonly avg_memory: number | null;
  readonly avg_disk: number | null;
  readonly avg_temperature: number | null;
}

interface Message extends Position {
  readonly v: 1;
  readonly cluster: string;
  readonly timestamp: Timestamp;
}

/** `nodes` is sorted by `node`, by code points. */
export interface Snapshot extends Message {
  readonly interval_seconds: number;
  /** Whether any of the nodes is a simulated one; a collector before 0.3 does not write it. */
  readonly simulated?: boolean;
  readonly cluster_stats: ClusterStats;
  readonly nodes: readonly Node[];
}

/** How many alerts fire of each severity. */
export type FiringCounts = Readonly<Record<Severity, number>>;

export interface Health extends Message {
  readonly overall_status: OverallStatus;
  readonly nodes_online: number;
  readonly nodes_total: number;
  readonly issues: readonly string[];
  /** Here and below: a collector of 0.2 does not write them. */
  readonly firing?: FiringCounts | null;
  readonly worst_firing_severity?: Severity | null;
  /** What each of `issues` says. */
  readonly issues_coded?: readonly Coded[];
  /** Codes of those by which the product itself is degraded; a collector before 0.5 does not write them. */
  readonly degraded?: readonly string[];
}

export interface Alert {
  readonly id: string;
  readonly rule: string;
  readonly node: string;
  readonly severity: Severity;
  readonly type: Severity;
  readonly state: "pending" | "firing";
  readonly value: number | null;
  readonly message: string;
  readonly since: Timestamp;
  /** The worst value since then; here and below: a collector of 0.2 does not write them. */
  readonly peak?: number | null;
  /** What `message` says. */
  readonly code?: string | null;
  readonly args?: Arguments;
  /** How often it fired of late; 0 where it does not flap. A collector of 0.4 does not write it. */
  readonly flapping?: number;
}

/** One alert that fired; `ended` is `null` while it does. */
export interface Incident {
  readonly id: string;
  readonly alert_id: string;
  readonly rule: string;
  readonly node: string;
  readonly severity: Severity;
  readonly began: Timestamp;
  readonly ended: Timestamp | null;
  readonly peak: number | null;
  readonly message: string;
  readonly code: string | null;
  readonly args: Arguments;
  /** As in `Alert`. */
  readonly flapping?: number;
}

/** Body of `GET /api/incidents`: newest first; `next` is the position of the next page. */
export interface IncidentsPage {
  readonly incidents: readonly Incident[];
  readonly known_since: Timestamp | null;
  readonly next: string | null;
}

export interface LogEntry {
  readonly id: string;
  readonly timestamp: Timestamp;
  /** A `Transition`, or a word of a later release. */
  readonly transition: string;
  readonly alert_id: string | null;
  readonly rule: string | null;
  readonly node: string | null;
  readonly severity: Severity | null;
  readonly value: number | null;
  readonly message: string;
  readonly since: Timestamp | null;
  /** As in `Alert`. */
  readonly code?: string | null;
  readonly args?: Arguments;
  readonly flapping?: number;
}

export interface Alerts extends Message {
  readonly active_alerts: readonly Alert[];
  readonly alert_count: number;
  readonly entries: readonly LogEntry[];
  readonly previous_alert_id: string | null;
  readonly last_alert_id: string | null;
}

/** A node's name and only its changed fields; a new node whole. */
export type NodeChange = Pick<Node, "node"> & Partial<Node>;

export interface Delta extends Position {
  readonly base_seq: number;
  readonly timestamp: Timestamp;
  readonly cluster_stats: ClusterStats;
  readonly changed: readonly NodeChange[];
  readonly removed: readonly string[];
}

/** `age_seconds`: since Redis took the latest snapshot, `null` without one. */
export interface MonitoringConnected {
  readonly namespace: "/monitoring";
  readonly timestamp: Timestamp;
  readonly age_seconds: number | null;
}

/** What is in force from now on; `age_seconds` belongs to the snapshot that follows. */
export interface SubscribedToUpdates {
  readonly mode: "snapshot" | "delta";
  readonly nodes: readonly string[] | null;
  readonly age_seconds: number | null;
}

/** `error`, and the data of a namespace's CONNECT_ERROR: `code` for programs, `message` for people. */
export interface ServerError {
  readonly code: string;
  readonly message: string;
}

/** The part of `health_response` that says why no data arrives, and which version the server is of. */
export interface HealthResponse {
  readonly data: {
    readonly version: string;
    readonly redis: { readonly status: "up" | "down"; readonly down_since: Timestamp | null };
    readonly collector: { readonly status: "up" | "down" };
  };
}

/** What a history has of each node, in this order. */
export const MEASURES = [
  "cpu_usage",
  "memory_usage",
  "disk_usage",
  "temperature",
  "load1",
  "network_receive_bytes_per_second",
  "network_transmit_bytes_per_second",
  "disk_read_bytes_per_second",
  "disk_written_bytes_per_second",
  "iowait",
  "swap_usage",
  "pressure_io",
  "pressure_memory",
] as const;
export type Measure = (typeof MEASURES)[number];

/** One measure over the steps of a history; `null`: nothing is known of that step. */
export interface Steps {
  readonly min: readonly (number | null)[];
  readonly avg: readonly (number | null)[];
  readonly max: readonly (number | null)[];
}

/** `node` is `null` for the cluster's averages. */
export interface HistorySeries {
  readonly node: string | null;
  readonly measures: Partial<Readonly<Record<Measure, Steps>>>;
}

/** Of all nodes over the steps of a history: percentiles, the maximum and whose it is; `null`: that step is not known. */
export interface DistributionSteps {
  readonly p10: readonly (number | null)[];
  readonly median: readonly (number | null)[];
  readonly p90: readonly (number | null)[];
  readonly max: readonly (number | null)[];
  readonly max_node: readonly (string | null)[];
}

export interface Distribution {
  readonly measures: Partial<Readonly<Record<Measure, DistributionSteps>>>;
}

/** Body of `GET /api/history`: a regular grid from `start`, of steps that are as long as each other. */
export interface History {
  readonly start: Timestamp;
  readonly end: Timestamp;
  readonly step_seconds: number;
  readonly series: readonly HistorySeries[];
  /** Of the cluster; `null` for nodes, and where nothing is known. */
  readonly distribution?: Distribution | null;
}

/** Body of `GET /api/rules`: the alert rules that the collector applies. */
export interface RulesInForce {
  readonly rules: readonly {
    readonly name: string;
    readonly enabled: boolean;
    readonly severity: Severity;
    readonly threshold: number | null;
  }[];
}

/** Body of `GET /api/alerts/log`. */
export interface AlertLogPage {
  readonly entries: readonly LogEntry[];
  readonly last_alert_id: string | null;
}

/** What the server writes into the page; `age_seconds` belongs to `snapshot`. */
export interface Initial {
  readonly snapshot: Snapshot | null;
  readonly health: Health | null;
  readonly alerts: Alerts | null;
  readonly age_seconds: number | null;
  readonly redis_down_since: Timestamp | null;
  readonly version: string | null;
  readonly cluster_name: string | null;
}
