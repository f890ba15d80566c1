/**
 * The contract as this page sees it: namespaces, events, REST paths and message types.
 *
 * Mirrors `contract/events.py`, `contract/messages.py` and `contract/rest.py`. Tests compare both sides with the golden
 * examples. Unknown values are `null`. The rest of the dashboard uses these names and repeats none of them.
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
  historyTop: "/api/history/top",
  historyMoment: "/api/history/moment",
  historyMarks: "/api/history/marks",
  rules: "/api/rules",
  incidents: "/api/incidents",
  session: "/api/session",
} as const;

/** Values of `code` in errors of the push service and of the api that a page handles. */
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
/** Transitions of this release. A later release may add others. */
export type Transition = "started" | "pending" | "firing" | "changed" | "resolved" | "pended";
/** Names and values of a node's labels. */
export type Labels = Readonly<Record<string, string>>;

/** Position of a message in the collector's order. */
export interface Position {
  readonly epoch: number;
  readonly seq: number;
}

/**
 * A sentence of the collector in machine-readable form, next to its English text. All codes are in
 * `contract/golden/codes.json`.
 */
export interface Coded {
  readonly code: string;
  readonly args: Arguments;
}
export type Arguments = Readonly<Record<string, Argument>>;
/** A raw number, a name or a path. A `Coded` is the cause of the outer sentence. */
export type Argument = string | number | null | Coded;

/** Units: percent 0–100, °C, bytes, bytes per second. */
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
  /** This field and the three below are missing from collector 0.1. */
  readonly iowait?: number | null;
  readonly swap_usage?: number | null;
  readonly pressure_io?: number | null;
  readonly pressure_memory?: number | null;
  /** Coded form of `error`; missing from collectors before 0.3. */
  readonly error_coded?: Coded | null;
  /** Missing from collectors before 0.8. */
  readonly labels?: Labels;
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
  /** Whether any node is simulated; missing from collectors before 0.3. */
  readonly simulated?: boolean;
  readonly cluster_stats: ClusterStats;
  readonly nodes: readonly Node[];
}

/** Number of firing alerts by severity. */
export type FiringCounts = Readonly<Record<Severity, number>>;

export interface Health extends Message {
  readonly overall_status: OverallStatus;
  readonly nodes_online: number;
  readonly nodes_total: number;
  readonly issues: readonly string[];
  /** This field and those below are missing from collector 0.2. */
  readonly firing?: FiringCounts | null;
  readonly worst_firing_severity?: Severity | null;
  /** Coded form of each entry of `issues`. */
  readonly issues_coded?: readonly Coded[];
  /** Codes of the issues that degrade the product itself; missing from collectors before 0.5. */
  readonly degraded?: readonly string[];
}

/** `kind` is `group`; a later release may write others. A group's `name` is `label=value`. */
export interface Subject {
  readonly kind: string;
  readonly name: string;
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
  /** The worst value since `since`. This field and those below are missing from collector 0.2. */
  readonly peak?: number | null;
  /** Coded form of `message`. */
  readonly code?: string | null;
  readonly args?: Arguments;
  /** How often the alert fired recently; 0 if the alert does not flap. Missing from collector 0.4. */
  readonly flapping?: number;
  /** Labels of the node when the alert began; this field and `subject` are missing from collectors before 0.8. */
  readonly labels?: Labels;
  /** What an alert with an empty `node` is about. */
  readonly subject?: Subject | null;
}

/** One firing of an alert. `ended` is `null` while the alert fires. */
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
  /** Labels of the node when the alert began; this field and `subject` are missing from collectors before 0.8. */
  readonly labels?: Labels;
  /** What an alert with an empty `node` is about. */
  readonly subject?: Subject | null;
}

/** Body of `GET /api/incidents`, newest first. `next`: position of the next result page. */
export interface IncidentsPage {
  readonly incidents: readonly Incident[];
  readonly known_since: Timestamp | null;
  readonly next: string | null;
}

export interface LogEntry {
  readonly id: string;
  readonly timestamp: Timestamp;
  /** A `Transition`, or a transition of a later release. */
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
  /** Labels of the node when the alert began; this field and `subject` are missing from collectors before 0.8. */
  readonly labels?: Labels;
  /** What an alert with an empty `node` is about. */
  readonly subject?: Subject | null;
}

export interface Alerts extends Message {
  readonly active_alerts: readonly Alert[];
  readonly alert_count: number;
  readonly entries: readonly LogEntry[];
  readonly previous_alert_id: string | null;
  readonly last_alert_id: string | null;
}

/** The node's name and the changed fields; a new node has all fields. */
export type NodeChange = Pick<Node, "node"> & Partial<Node>;

export interface Delta extends Position {
  readonly base_seq: number;
  readonly timestamp: Timestamp;
  readonly cluster_stats: ClusterStats;
  readonly changed: readonly NodeChange[];
  readonly removed: readonly string[];
}

/** `age_seconds`: seconds since Redis stored the latest snapshot; `null` without a snapshot. */
export interface MonitoringConnected {
  readonly namespace: "/monitoring";
  readonly timestamp: Timestamp;
  readonly age_seconds: number | null;
}

/** The subscription from now on. `age_seconds`: age of the snapshot that follows. */
export interface SubscribedToUpdates {
  readonly mode: "snapshot" | "delta";
  readonly nodes: readonly string[] | null;
  readonly age_seconds: number | null;
}

/** Data of the event `error` and of a namespace's CONNECT_ERROR: `code` for programs, `message` for people. */
export interface ServerError {
  readonly code: string;
  readonly message: string;
}

/** The part of `health_response` with the server's version and with the reasons for missing data. */
export interface HealthResponse {
  readonly data: {
    readonly version: string;
    readonly redis: { readonly status: "up" | "down"; readonly down_since: Timestamp | null };
    readonly collector: { readonly status: "up" | "down" };
  };
}

/** The measures in the history of a node, in this order. */
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

/** One measure over the steps of a history; `null`: unknown. */
export interface Steps {
  readonly min: readonly (number | null)[];
  readonly avg: readonly (number | null)[];
  readonly max: readonly (number | null)[];
}

/** `node` is `null` for the averages of the cluster. */
export interface HistorySeries {
  readonly node: string | null;
  readonly measures: Partial<Readonly<Record<Measure, Steps>>>;
}

/**
 * Percentiles of all nodes over the steps of a history, the maximum, and the node with the maximum; `null`: unknown.
 */
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

/** Body of `GET /api/history`: a grid of equal steps from `start`. */
export interface History {
  readonly start: Timestamp;
  readonly end: Timestamp;
  readonly step_seconds: number;
  readonly series: readonly HistorySeries[];
  /** Only for the cluster; `null` for nodes and if unknown. */
  readonly distribution?: Distribution | null;
}

/** Body of `GET /api/history/top`: nodes with a value, highest first. */
export interface HistoryTop {
  readonly measure: Measure;
  readonly by: "avg" | "max";
  readonly start: Timestamp;
  readonly end: Timestamp;
  /** The server keeps a ranking for half a minute. */
  readonly computed_at: Timestamp;
  /** `at`: start of the step of the maximum; `null` for the average. */
  readonly nodes: readonly { readonly node: string; readonly value: number; readonly at: Timestamp | null }[];
}

/** Body of `GET /api/history/moment`: averages of one step. A node without data in the step is left out. */
export interface HistoryMoment {
  /** Start of the step. */
  readonly at: Timestamp;
  readonly step_seconds: number;
  readonly known_since: Timestamp | null;
  readonly nodes: readonly {
    readonly node: string;
    readonly measures: Partial<Readonly<Record<Measure, number | null>>>;
  }[];
}

/** An event of a node. `rule` and the fields after it belong to alerts; `null` for other events. */
export interface Mark {
  readonly node: string;
  readonly at: Timestamp;
  /** `alert_began`, `alert_ended`, `offline`, `online` or `reboot`; a later release may write others. */
  readonly kind: string;
  readonly rule: string | null;
  readonly severity: Severity | null;
  readonly message: string | null;
  readonly code: string | null;
  readonly args: Arguments | null;
}

/** Body of `GET /api/history/marks`: the newest events of a range, oldest first. */
export interface HistoryMarks {
  readonly start: Timestamp;
  readonly end: Timestamp;
  readonly known_since: Timestamp | null;
  /** Whether `marks` has all events of the range. */
  readonly is_complete: boolean;
  readonly marks: readonly Mark[];
}

/** Lengths of the steps of the history, and the age in seconds up to which each is kept, from fine to coarse. */
export const RESOLUTIONS = [
  { stepSeconds: 10, rangeSeconds: 3600 },
  { stepSeconds: 60, rangeSeconds: 21_600 },
  { stepSeconds: 240, rangeSeconds: 86_400 },
  { stepSeconds: 1800, rangeSeconds: 604_800 },
] as const;

/** Body of `GET /api/rules`: the alert rules that the collector applies. */
export interface RulesInForce {
  readonly rules: readonly {
    readonly name: string;
    readonly enabled: boolean;
    readonly severity: Severity;
    readonly threshold: number | null;
    /** For a rule of the operator's own: a field of a node, or `offline_share`. */
    readonly metric?: string | null;
    /** The nodes to which the rule applies. */
    readonly match?: Patterns;
    /** The first one that matches counts. */
    readonly overrides?: readonly {
      readonly match: Patterns;
      readonly threshold: number | null;
      readonly clear: number | null;
      readonly severity: Severity | null;
    }[];
  }[];
}

/** What a matcher of the collector selects, by key: alternatives, which may be globs. */
export type Patterns = Readonly<Record<string, readonly string[]>>;

/** Body of `GET /api/alerts/log`. */
export interface AlertLogPage {
  readonly entries: readonly LogEntry[];
  readonly last_alert_id: string | null;
}

/** Data that the server writes into the page. `age_seconds`: age of `snapshot`. */
export interface Initial {
  readonly snapshot: Snapshot | null;
  readonly health: Health | null;
  readonly alerts: Alerts | null;
  readonly age_seconds: number | null;
  readonly redis_down_since: Timestamp | null;
  readonly version: string | null;
  readonly cluster_name: string | null;
}
