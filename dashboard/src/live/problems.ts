/** What is wrong, as sentences for the banner; none while all is well. */

import type { FreshnessState } from "./freshness.ts";
import { wording } from "../wording.ts";

/** How the push connection stands. `ended`: the server said to stay away, with its reason if it gave one. */
export type PushState =
  | { readonly kind: "connected" }
  | { readonly kind: "lost" }
  | { readonly kind: "refused"; readonly origin: string }
  | { readonly kind: "ended"; readonly reason: string | null };

/** All that the sentences depend on. `ageSeconds`: `null` without data. */
export interface Circumstances {
  readonly freshness: FreshnessState;
  readonly ageSeconds: number | null;
  readonly push: PushState;
  readonly redisDownSince: string | null;
  readonly collectorDown: boolean;
  /** Why the last poll brought nothing; `null` after a good one. */
  readonly pollFailure: string | null;
  readonly pollIntervalSeconds: number;
  /** What in the script itself failed last. */
  readonly scriptFailure: string | null;
  /** What the server said at the last connect; `null` before. */
  readonly serverVersion: string | null;
}

/** The most important sentence first. `pageVersion`: what the page is of, where it knows. */
export function problems(now: Circumstances, pageVersion: string | null = null): string[] {
  return [
    ...connectionProblems(now),
    ...dataProblems(now),
    ...scriptProblems(now),
    ...versionProblems(now.serverVersion, pageVersion),
  ];
}

function connectionProblems(now: Circumstances): string[] {
  const found: string[] = [];
  if (now.push.kind === "refused") found.push(wording.originRefused(now.push.origin));
  if (now.push.kind === "ended") found.push(wording.connectionEnded(now.push.reason));
  if (now.push.kind !== "connected") {
    if (now.pollFailure !== null) found.push(wording.serverSilent(now.pollFailure));
    else if (now.freshness === "polling") {
      if (now.push.kind === "lost") found.push(wording.pushDown);
      found.push(wording.meanwhilePolling(now.pollIntervalSeconds));
    }
  }
  return found;
}

function dataProblems(now: Circumstances): string[] {
  const found: string[] = [];
  if (now.redisDownSince !== null) found.push(wording.redisAway(now.redisDownSince));
  else if (now.collectorDown) found.push(wording.collectorDown);
  if (now.freshness !== "stale" || now.ageSeconds === null) return found;
  const age = coarse(now.ageSeconds);
  const unexplained = found.length === 0 && now.pollFailure === null;
  found.push(unexplained ? wording.dataOldUnexplained(age) : wording.dataOld(age));
  return found;
}

function scriptProblems(now: Circumstances): string[] {
  return now.scriptFailure === null ? [] : [wording.scriptFailed(now.scriptFailure)];
}

function versionProblems(server: string | null, page: string | null): string[] {
  return server === null || page === null || server === page ? [] : [wording.newerServer(page, server)];
}

/** Screen readers speak the banner at each change: seconds in steps of five. */
function coarse(seconds: number): number {
  return seconds < 60 ? Math.floor(seconds / 5) * 5 : seconds;
}
