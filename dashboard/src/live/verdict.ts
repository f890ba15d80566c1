/** How the cluster is: one sentence, one severity, and the figures of the sentence as marks. The same on every page. */

import type { Alert, Alerts, FiringCounts, Health, OverallStatus, Severity, Snapshot } from "../contract.ts";
import { wording } from "../wording.ts";

/** The rule whose alert says of a node only that it is offline. */
const NODE_DOWN = "node_down";
/** In the order of the sentence, with the shape that stands for each in plain text. */
const SHAPES: readonly (readonly [keyof Counts, string])[] = [
  ["offline", "☒"],
  ["critical", "✖"],
  ["warning", "▲"],
  ["info", "■"],
];
/** The gravest first. */
const SEVERITIES: readonly Severity[] = ["critical", "warning", "info"];

/** `healthy`, `unknown`, or how grave the gravest trouble is. */
export type Tone = "healthy" | "unknown" | Severity;

/** The figures of the sentence: nodes that are offline, and the alerts that fire besides those of such nodes. */
export interface Counts extends FiringCounts {
  readonly offline: number;
}

export interface Verdict {
  readonly tone: Tone;
  readonly sentence: string;
  /** `null` while nothing is known of alerts. */
  readonly counts: Counts | null;
}

/** What is known; `null` where nothing is. `snapshot` may lack nodes that the page does not show. */
export interface VerdictInput {
  readonly snapshot: Snapshot | null;
  readonly health: Health | null;
  readonly alerts: Alerts | null;
}

export function verdictOf(known: VerdictInput): Verdict {
  const firing = firingCounts(known);
  const nodes = nodeCounts(known);
  const offline = nodes?.offline ?? 0;
  const counts = firing === null ? null : { offline, ...withoutOffline(firing, offline, known.alerts) };
  if (nodes === null) return { tone: "unknown", sentence: wording.overallStatus.unknown, counts };
  return {
    tone: toneOf(nodes, firing, known.health?.worst_firing_severity ?? null),
    sentence: sentenceOf(nodes, counts),
    counts,
  };
}

/** `☒ 3 ✖ 1 ▲ 2`; empty where nothing is wrong. */
export function countsText(counts: Counts): string {
  return SHAPES.filter(([mark]) => counts[mark] > 0)
    .map(([mark, shape]) => `${shape} ${counts[mark]}`)
    .join(" ");
}

/** The same for those who hear it: `3 nodes offline, 1 critical alert, 2 warnings`. */
export function countsSentence(counts: Counts): string {
  const parts = [...(counts.offline > 0 ? [wording.headline.offline(counts.offline)] : []), ...alertPhrases(counts)];
  return parts.length === 0 ? wording.headline.nothingFires : parts.join(", ");
}

/** How grave the alerts that fire are, by the node's name; the gravest counts. */
export function severityByNode(alerts: readonly Alert[]): ReadonlyMap<string, Severity> {
  const worst = new Map<string, Severity>();
  for (const { state, node, severity } of alerts) {
    if (state === "firing" && isMoreSevere(severity, worst.get(node))) worst.set(node, severity);
  }
  return worst;
}

/** Below 0 where `a` is graver than `b`. */
export function bySeverity(a: Severity, b: Severity): number {
  return rank(a) - rank(b);
}

function rank(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}

function isMoreSevere(severity: Severity, than: Severity | undefined): boolean {
  return than === undefined || bySeverity(severity, than) < 0;
}

interface NodeCounts {
  readonly total: number;
  readonly online: number;
  readonly offline: number;
  readonly overall: OverallStatus | null;
}

function nodeCounts({ snapshot, health }: VerdictInput): NodeCounts | null {
  const overall = health?.overall_status ?? null;
  const total = health?.nodes_total ?? snapshot?.cluster_stats.total_nodes;
  const online = health?.nodes_online ?? snapshot?.cluster_stats.online_nodes;
  if (total === undefined || online === undefined) return null;
  const isWhole = snapshot !== null && snapshot.nodes.length === total;
  if (isWhole) {
    const offline = snapshot.nodes.filter(({ status }) => status === "offline").length;
    return { total, online, offline: Math.min(offline, total - online), overall };
  }
  // Those that were not asked yet are neither; while any are offline, nobody counts them.
  const hasNoOffline = overall === "healthy" || overall === "unknown";
  return { total, online, offline: hasNoOffline ? 0 : total - online, overall };
}

/** A collector of a previous release does not count: the list of the active alerts is counted then. */
function firingCounts({ health, alerts }: VerdictInput): FiringCounts | null {
  if (health?.firing != null) return health.firing;
  if (alerts === null) return null;
  const counts = { critical: 0, warning: 0, info: 0 };
  for (const { state, severity } of alerts.active_alerts) if (state === "firing") counts[severity] += 1;
  return counts;
}

/** What is to be told besides the nodes that are offline: their own alerts say nothing more. */
function withoutOffline(counts: FiringCounts, offline: number, alerts: Alerts | null): FiringCounts {
  const rest = { ...counts };
  let left = offline;
  for (const { rule, state, severity } of alerts?.active_alerts ?? []) {
    if (rule !== NODE_DOWN || state !== "firing" || left === 0 || rest[severity] === 0) continue;
    rest[severity] -= 1;
    left -= 1;
  }
  return rest;
}

function toneOf({ offline, total, overall }: NodeCounts, counts: FiringCounts | null, worst: Severity | null): Tone {
  const firing = worst ?? SEVERITIES.find((severity) => (counts?.[severity] ?? 0) > 0) ?? null;
  if (overall === "critical" || firing === "critical") return "critical";
  if (overall === "warning" || firing === "warning" || offline > 0) return "warning";
  if (overall === "unknown" || total === 0) return "unknown";
  return firing ?? "healthy";
}

function sentenceOf({ total, online, offline }: NodeCounts, counts: FiringCounts | null): string {
  const isNone = offline === total && total > 1;
  const ofNodes = isNone ? wording.headline.allOffline(total) : wording.headline.offline(offline);
  const parts = [...(offline > 0 ? [ofNodes] : []), ...(counts === null ? [] : alertPhrases(counts))];
  if (parts.length > 0) return parts.join(", ");
  if (total === 0) return wording.headline.noNodes;
  return online < total ? wording.headline.notYetScraped(total - online) : wording.headline.well(total);
}

function alertPhrases(counts: FiringCounts): string[] {
  return SEVERITIES.filter((severity) => counts[severity] > 0).map((severity) =>
    wording.headline[severity](counts[severity]),
  );
}
