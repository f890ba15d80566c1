/** Every sentence and word that the script puts on a page; what is there from the start stands in the templates. */

import type { NodeStatus, OverallStatus, Severity } from "./contract.ts";
import { bytes, duration, moment } from "./format.ts";
import type { FreshnessState } from "./freshness.ts";

export const FRESHNESS: Readonly<Record<FreshnessState, string>> = {
  live: "Live",
  reconnecting: "Reconnecting",
  polling: "Polling",
  stale: "Stale",
};

export const NODE_STATUS: Readonly<Record<NodeStatus, string>> = {
  online: "Online",
  offline: "Offline",
  unknown: "Not yet scraped",
};

export const OVERALL_STATUS: Readonly<Record<OverallStatus, string>> = {
  healthy: "Healthy",
  warning: "Warning",
  critical: "Critical",
  unknown: "Unknown",
};

export const SEVERITY: Readonly<Record<Severity, string>> = {
  info: "Info",
  warning: "Warning",
  critical: "Critical",
};

export const PENDING = "Pending";
export const FIRING = "Firing";
export const NO_DATA_YET = "no data yet";
export const AGE_UNKNOWN = "age unknown";

export function nodesOnline(online: number, total: number): string {
  return `${online} of ${total} ${total === 1 ? "node" : "nodes"} online`;
}

export function age(seconds: number): string {
  return Number.isFinite(seconds) ? `${duration(seconds)} ago` : AGE_UNKNOWN;
}

/** Beside a percentage: of how much. */
export function ofTotal(total: number | null): string {
  return total === null ? "" : `of ${bytes(total)}`;
}

export function forDuration(span: string): string {
  return `for ${span}`;
}

export function redisAway(since: string): string {
  return `Redis is away since ${moment(since)}. The page shows what was last known.`;
}

export function collectorDown(): string {
  return "The collector is not running, so nothing new is measured.";
}

export function dataOld(ageSeconds: number): string {
  return Number.isFinite(ageSeconds) ? `The data is ${duration(ageSeconds)} old.` : "Nobody knows how old the data is.";
}

export function dataOldUnexplained(ageSeconds: number): string {
  return `${dataOld(ageSeconds).slice(0, -1)}: the collector or Redis may be down.`;
}

export function originRefused(origin: string): string {
  return (
    `The push service refuses this page's origin ${origin}. Set WS_ALLOWED_ORIGINS=${origin} (or PUBLIC_URL) ` +
    "for the ws service and restart it."
  );
}

export function connectionEnded(reason: string | null): string {
  const why = reason === null ? "" : ` (${reason})`;
  return `The push service has ended this page's connection${why}. Reload the page to connect again.`;
}

export const PUSH_DOWN = "The push connection is down.";

export function meanwhilePolling(intervalSeconds: number): string {
  return `Meanwhile the page asks every ${intervalSeconds} s.`;
}

export function serverSilent(reason: string): string {
  return `The server does not answer (${reason}). The page keeps trying.`;
}

export function scriptFailed(what: string): string {
  return `Something on this page failed (${what}). Reload the page; the browser's console says more.`;
}

export function httpStatus(status: number): string {
  return `HTTP status ${status}`;
}

export const NO_ANSWER = "no answer";

export function moreCharacters(count: number): string {
  return `… ${count} more characters`;
}

export function held(count: number): string {
  return count === 0 ? "" : `${count} not shown while paused`;
}

export const PAUSE = "Pause";
export const RESUME = "Resume";
export const CONNECTED = "Connected";
export const DISCONNECTED = "Not connected";

export function connectedTo(replica: string, transport: string): string {
  return `Connected to replica ${replica} by ${transport}`;
}
