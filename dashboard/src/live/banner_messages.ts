/** Sentences of the banner about current problems; empty while all is well. */

import type { AdmissionState } from "../access/admission.ts";
import { signInAddress } from "../address.ts";
import { ERROR_CODES, type ServerError } from "../contract.ts";
import { wording } from "../wording.ts";
import type { ShownFreshness } from "./freshness.ts";

/**
 * State of the push connection.
 *
 * `refused`: the server refuses the origin of this page. `unadmitted`: the session is missing. `limited`: the server
 * accepts no more connections for now. `ended`: the server closed the connection for good, with an error or without.
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
  /** Address of this page, for the way back after signing in. */
  readonly address: string;
  readonly push: PushState;
  readonly redisDownSince: string | null;
  readonly collectorDown: boolean;
  /** Why the last poll failed; `null` after a successful poll. */
  readonly pollFailure: string | null;
  readonly pollIntervalSeconds: number;
  /** What failed last in the script itself. */
  readonly scriptFailure: string | null;
  /** The server's version at the last connect; `null` before the first connect. */
  readonly serverVersion: string | null;
}

/** A sentence, with a link to a remedy if there is a remedy. */
export interface BannerMessage {
  readonly text: string;
  readonly link: { readonly text: string; readonly address: string } | null;
}

/** Return the sentences, the most important first. `pageVersion`: version of the page, if known. */
export function bannerMessages(now: ConnectionStatus, pageVersion: string | null = null): BannerMessage[] {
  const others = [...scriptProblems(now), ...versionProblems(now.serverVersion, pageVersion)];
  // While signed out, the page sends no request, so other problems do not matter.
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
  // The session check takes only a moment.
  if (now.admission === "checking") return [];
  const found: string[] = [];
  if (now.push.kind === "refused") found.push(wording.originRefused(now.push.origin));
  if (now.push.kind === "limited") found.push(wording.tooManyConnections);
  if (now.push.kind === "ended") found.push(wording.connectionEnded(reasonOf(now.push.serverError)));
  if (now.push.kind !== "connected") {
    if (now.pollFailure !== null) found.push(wording.noServerAnswer(now.pollFailure));
    else if (now.freshness === "polling") {
      if (now.push.kind === "lost") found.push(wording.pushDown);
      found.push(wording.meanwhilePolling(now.pollIntervalSeconds));
    }
  }
  return found;
}

/** Return why the server ended the connection. Known codes are in the page's language. */
function reasonOf(serverError: ServerError | null): string | null {
  return serverError?.code === ERROR_CODES.forbidden ? wording.notAllowed : (serverError?.message ?? null);
}

function dataProblems(now: ConnectionStatus): string[] {
  const found: string[] = [];
  if (now.redisDownSince !== null) found.push(wording.redisDown(now.redisDownSince));
  else if (now.collectorDown) found.push(wording.collectorDown);
  if (now.freshness !== "stale" || now.ageSeconds === null) return found;
  const age = roundedAge(now.ageSeconds);
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

/** Round to five seconds, because screen readers read the banner at each change. */
function roundedAge(seconds: number): number {
  return seconds < 60 ? Math.floor(seconds / 5) * 5 : seconds;
}
