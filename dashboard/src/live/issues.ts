/** Removes the issues that repeat an alert. */

import type { Alerts, Coded, Health } from "../contract.ts";

/** First character of the issue that counts the omitted issues. */
const MORE = "…";

/** Return `health` without the issues about offline nodes for which an alert exists. */
export function withoutAlertIssues(health: Health, alerts: Alerts | null): Health {
  const down = new Set(
    (alerts?.active_alerts ?? []).filter(({ rule }) => rule === "node_down").map(({ node }) => node),
  );
  if (down.size === 0) return health;
  const { issues, issues_coded } = health;
  const isKeptIssue = issues.map((issue, index) => !reportsOffline(down, issue, issues_coded?.[index]));
  if (isKeptIssue.every((news) => news)) return health;
  // Omitted issues are about nodes too, so their count goes when all other issues are gone.
  const hasOtherIssues = issues.some((issue, index) => isKeptIssue[index] && !issue.startsWith(MORE));
  const isKept = (_: unknown, index: number): boolean => hasOtherIssues && isKeptIssue[index] === true;
  const kept = { ...health, issues: issues.filter(isKept) };
  // Codes and texts must stay parallel.
  return issues_coded === undefined ? kept : { ...kept, issues_coded: issues_coded.filter(isKept) };
}

/** Whether the issue reports one of the nodes as offline. Collectors before 0.3 send only the text. */
function reportsOffline(nodes: ReadonlySet<string>, issue: string, coded: Coded | undefined): boolean {
  if (coded !== undefined) return coded.code === "node_offline" && nodes.has(String(coded.args["node"]));
  return [...nodes].some((node) => issue.startsWith(`${node} is offline`));
}
