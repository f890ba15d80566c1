/** What health has to tell besides what the alerts tell already. */

import type { Alerts, Coded, Health } from "../contract.ts";

/** How the collector begins the last issue where it leaves some out. */
const MORE = "…";

/** `health` without the issues that only repeat an alert: each node that is offline is told of once. */
export function withoutAlertIssues(health: Health, alerts: Alerts | null): Health {
  const down = new Set(
    (alerts?.active_alerts ?? []).filter(({ rule }) => rule === "node_down").map(({ node }) => node),
  );
  if (down.size === 0) return health;
  const { issues, issues_coded } = health;
  const isKeptIssue = issues.map((issue, index) => !reportsOffline(down, issue, issues_coded?.[index]));
  if (isKeptIssue.every((news) => news)) return health;
  // Those that are left out of it are nodes too, where nothing else is left.
  const isAnyLeft = issues.some((issue, index) => isKeptIssue[index] && !issue.startsWith(MORE));
  const isKept = (_: unknown, index: number): boolean => isAnyLeft && isKeptIssue[index] === true;
  const kept = { ...health, issues: issues.filter(isKept) };
  // The codes stay in step with the texts.
  return issues_coded === undefined ? kept : { ...kept, issues_coded: issues_coded.filter(isKept) };
}

/** Whether an issue says that one of those nodes is offline; a collector before 0.3 says so in words alone. */
function reportsOffline(nodes: ReadonlySet<string>, issue: string, coded: Coded | undefined): boolean {
  if (coded !== undefined) return coded.code === "node_offline" && nodes.has(String(coded.args["node"]));
  return [...nodes].some((node) => issue.startsWith(`${node} is offline`));
}
