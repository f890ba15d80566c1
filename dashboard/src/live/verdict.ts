/**
 * The state of the cluster: a sentence, a severity, and the counts of the sentence. All pages show the same verdict.
 */

import type { Alert, Alerts, FiringCounts, Health, OverallStatus, Severity, Snapshot } from "../contract.ts";
import { wording } from "../wording.ts";

/** The rule for offline nodes. */
const NODE_DOWN = "node_down";
/** The counts in the order of the sentence, each with its shape in plain text. */
const SHAPES: readonly (readonly [keyof Counts, string])[] = [
  ["offline", "☒"],
  ["critical", "✖"],
  ["warning", "▲"],
  ["info", "■"],
];
/** Most severe first. */
const SEVERITIES: readonly Severity[] = ["critical", "warning", "info"];

/** `healthy`, `unknown`, or the highest severity. */
export type Tone = "healthy" | "unknown" | Severity;

/** The number of offline nodes, and of firing alerts except the alerts for those nodes being offline. */
export interface Counts extends FiringCounts {
  readonly offline: number;
}

export interface Verdict {
  readonly tone: Tone;
  readonly sentence: string;
  /** `null` while alerts are unknown. */
  readonly counts: Counts | null;
}

/** The latest messages; `null`: not received. `snapshot` may lack nodes that the page does not show. */
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

/** Return `☒ 3 ✖ 1 ▲ 2`, or the empty string if nothing is wrong. */
export function countsText(counts: Counts): string {
  return SHAPES.filter(([mark]) => counts[mark] > 0)
    .map(([mark, shape]) => `${shape} ${counts[mark]}`)
    .join(" ");
}

/** Return the counts for screen readers: `3 nodes offline, 1 critical alert, 2 warnings`. */
export function countsSentence(counts: Counts): string {
  const parts = [...(counts.offline > 0 ? [wording.headline.offline(counts.offline)] : []), ...alertPhrases(counts)];
  return parts.length === 0 ? wording.headline.nothingFires : parts.join(", ");
}

/** Return the highest severity of the firing alerts of each node, by its name. */
export function severityByNode(alerts: readonly Alert[]): ReadonlyMap<string, Severity> {
  const worst = new Map<string, Severity>();
  for (const { state, node, severity } of alerts) {
    if (state === "firing" && isMoreSevere(severity, worst.get(node))) worst.set(node, severity);
  }
  return worst;
}

/** Return a negative number if `a` is more severe than `b`. */
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
  // Nodes that were not scraped yet are neither online nor offline. Their number is unknown while any node is offline.
  const hasNoOffline = overall === "healthy" || overall === "unknown";
  return { total, online, offline: hasNoOffline ? 0 : total - online, overall };
}

/** Return the collector's counts. Collectors of earlier releases send no counts, so the active alerts are counted. */
function firingCounts({ health, alerts }: VerdictInput): FiringCounts | null {
  if (health?.firing != null) return health.firing;
  if (alerts === null) return null;
  const counts = { critical: 0, warning: 0, info: 0 };
  for (const { state, severity } of alerts.active_alerts) if (state === "firing") counts[severity] += 1;
  return counts;
}

/** Subtract the alerts for offline nodes, because the sentence counts these nodes already. */
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
  const areAllOffline = offline === total && total > 1;
  const offlineText = areAllOffline ? wording.headline.allOffline(total) : wording.headline.offline(offline);
  const parts = [...(offline > 0 ? [offlineText] : []), ...(counts === null ? [] : alertPhrases(counts))];
  if (parts.length > 0) return parts.join(", ");
  if (total === 0) return wording.headline.noNodes;
  return online < total ? wording.headline.notYetScraped(total - online) : wording.headline.well(total);
}

function alertPhrases(counts: FiringCounts): string[] {
  return SEVERITIES.filter((severity) => counts[severity] > 0).map((severity) =>
    wording.headline[severity](counts[severity]),
  );
}
