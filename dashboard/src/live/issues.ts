/** What health has to tell besides what the alerts tell already. */

import type { Alerts, Health } from "../contract.ts";

/** How the collector begins the last issue where it leaves some out. */
const MORE = "…";

/** `health` without the issues that only repeat an alert: each node that is offline is told of once. */
export function withoutRepeats(health: Health, alerts: Alerts | null): Health {
  const told = (alerts?.active_alerts ?? []).filter(({ rule }) => rule === "node_down").map(({ node }) => `${node} is offline`);
  if (told.length === 0) return health;
  const isNews = health.issues.map((issue) => !told.some((beginning) => issue.startsWith(beginning)));
  if (isNews.every((news) => news)) return health;
  // Those that are left out of it are nodes too, where nothing else is left.
  const isAnyLeft = health.issues.some((issue, index) => isNews[index] && !issue.startsWith(MORE));
  const isKept = (_: unknown, index: number): boolean => isAnyLeft && isNews[index] === true;
  // A list of codes beside the texts stays in step with them.
  const coded: unknown = Reflect.get(health, "issues_coded");
  const codes = Array.isArray(coded) ? { issues_coded: coded.filter(isKept) } : {};
  return { ...health, ...codes, issues: health.issues.filter(isKept) };
}
