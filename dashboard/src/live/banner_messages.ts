/** What is wrong, as sentences for the banner; none while all is well. */

import type { AdmissionState } from "../access/admission.ts";
import { signInAddress } from "../address.ts";
import { ERROR_CODES, type ServerError } from "../contract.ts";
import { wording } from "../wording.ts";
import type { ShownFreshness } from "./freshness.ts";

/**
 * How the push connection stands.
 *
 * `refused`: this page's origin is. `unadmitted`: closed for want of a session. `limited`: the server takes no more
 * connections for now. `ended`: the server said to stay away, with its reason if it gave one.
 */
export type PushState =
  | { readonly kind: "connected" | "lost" | "unadmitted" | "limited" }
  | { readonly kind: "refused"; readonly origin: string }
  | { readonly kind: "ended"; readonly serverError: ServerError | null };

/** All that the sentences depend on. `ageSeconds`: `null` without data. */
export interface ConnectionStatus {
  readonly freshness: ShownFreshness;
  readonly ageSeconds: number | null;
  readonly admission: AdmissionState;
  /** Of this page, to come back to. */
  readonly address: string;
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

/** A sentence, and where something can be done about it. */
export interface BannerMessage {
  readonly text: string;
  readonly link: { readonly text: string; readonly address: string } | null;
}

/** The most important sentence first. `pageVersion`: what the page is of, where it knows. */
export function bannerMessages(now: ConnectionStatus, pageVersion: string | null = null): BannerMessage[] {
  const others = [...scriptProblems(now), ...versionProblems(now.serverVersion, pageVersion)];
  // Whatever else is the matter with connections and data, the page does not ask.
  if (now.admission === "signed_out") return [signInMessage(now.address), ...others.map(withoutLink)];
  return [...connectionProblems(now), ...dataProblems(now), ...others].map(withoutLink);
}

function withoutLink(text: string): BannerMessage {
  return { text, link: null };
}

function signInMessage(page: string): BannerMessage {
  return { text: wording.signInRequired, link: { text: wording.signIn, address: signInAddress(page) } };
}

function connectionProblems(now: ConnectionStatus): string[] {
  // In a moment it is known whether anybody is signed in.
  if (now.admission === "checking") return [];
  const found: string[] = [];
  if (now.push.kind === "refused") found.push(wording.originRefused(now.push.origin));
  if (now.push.kind === "limited") found.push(wording.tooManyConnections);
  if (now.push.kind === "ended") found.push(wording.connectionEnded(reasonOf(now.push.serverError)));
  if (now.push.kind !== "connected") {
    if (now.pollFailure !== null) found.push(wording.serverSilent(now.pollFailure));
    else if (now.freshness === "polling") {
      if (now.push.kind === "lost") found.push(wording.pushDown);
      found.push(wording.meanwhilePolling(now.pollIntervalSeconds));
    }
  }
  return found;
}

/** Why the server ended a connection, in the page's language where the page knows the code. */
function reasonOf(serverError: ServerError | null): string | null {
  return serverError?.code === ERROR_CODES.forbidden ? wording.notAllowed : (serverError?.message ?? null);
}

function dataProblems(now: ConnectionStatus): string[] {
  const found: string[] = [];
  if (now.redisDownSince !== null) found.push(wording.redisAway(now.redisDownSince));
  else if (now.collectorDown) found.push(wording.collectorDown);
  if (now.freshness !== "stale" || now.ageSeconds === null) return found;
  const age = coarse(now.ageSeconds);
  const unexplained = found.length === 0 && now.pollFailure === null;
  found.push(unexplained ? wording.dataOldUnexplained(age) : wording.dataOld(age));
  return found;
}

function scriptProblems(now: ConnectionStatus): string[] {
  return now.scriptFailure === null ? [] : [wording.scriptFailed(now.scriptFailure)];
}

function versionProblems(server: string | null, page: string | null): string[] {
  return server === null || page === null || server === page ? [] : [wording.newerServer(page, server)];
}

/** Screen readers speak the banner at each change: seconds in steps of five. */
function coarse(seconds: number): number {
  return seconds < 60 ? Math.floor(seconds / 5) * 5 : seconds;
}
