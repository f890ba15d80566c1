/**
 * Whether the server lets this page in.
 *
 * What was refused for want of a session asks about the session once, and no more often than every ten seconds. Where it
 * has ended, this page asks for nothing else until somebody has signed in, in whichever tab: it looks for that when it
 * is looked at again, and every minute in between.
 */

import type { Clock } from "../live/live_data.ts";
import type { SessionState } from "./session_client.ts";

/** `asked`: something was refused, and what is behind it is being asked. */
export type AdmissionState = "admitted" | "checking" | "signed_out";

export const MIN_CHECK_INTERVAL_SECONDS = 10;
export const SIGNED_OUT_POLL_SECONDS = 60;
/** Pages spread what they ask by up to this share. */
const JITTER = 0.1;

/** What is needed of `document`. */
export type PageVisibility = Pick<Document, "visibilityState" | "addEventListener" | "removeEventListener">;

/** From `start()` to `stop()`. `refused()` and `connectionAccepted()` are for whoever meets with the one or the other. */
export class Admission {
  /** Told that the page may go on; where it was not known whether it may, it is tried. */
  onAdmitted: () => void = () => undefined;
  /** Told that nobody is signed in. */
  onSignedOut: () => void = () => undefined;
  readonly #fetchSession: () => Promise<SessionState>;
  readonly #clock: Clock;
  readonly #page: PageVisibility;
  #state: AdmissionState = "admitted";
  #started = false;
  #checkedAtSeconds = Number.NEGATIVE_INFINITY;
  #checkTimer: ReturnType<typeof setTimeout> | undefined;
  #pollTimer: ReturnType<typeof setTimeout> | undefined;
  #isPolling = false;
  readonly #onVisibility = (): void => {
    if (this.#state === "signed_out") this.#poll();
  };

  constructor(fetchSession: () => Promise<SessionState>, clock: Clock, page: PageVisibility) {
    this.#fetchSession = fetchSession;
    this.#clock = clock;
    this.#page = page;
  }

  get state(): AdmissionState {
    return this.#state;
  }

  start(): void {
    this.#started = true;
    this.#page.addEventListener("visibilitychange", this.#onVisibility);
  }

  stop(): void {
    this.#started = false;
    this.#page.removeEventListener("visibilitychange", this.#onVisibility);
    clearTimeout(this.#checkTimer);
    this.#checkTimer = undefined;
    clearTimeout(this.#pollTimer);
  }

  /** Something was refused for want of a session. */
  checkSession(): void {
    if (!this.#started || this.#state !== "admitted" || this.#checkTimer !== undefined) return;
    const waitSeconds = this.#checkedAtSeconds + MIN_CHECK_INTERVAL_SECONDS - this.#clock();
    if (waitSeconds <= 0) void this.#runCheck();
    else this.#checkTimer = setTimeout(() => void this.#runCheck(), waitSeconds * 1000);
  }

  /** A connection was let in: that says more than any answer about the session. */
  connectionAccepted(): void {
    clearTimeout(this.#checkTimer);
    this.#checkTimer = undefined;
    this.#admit();
  }

  /** Use the session, so that it does not go idle under an open page. */
  async renew(): Promise<void> {
    if (this.#state === "admitted" && (await this.#fetchSession()) === "ended") this.#markSignedOut();
  }

  async #runCheck(): Promise<void> {
    this.#checkTimer = undefined;
    this.#state = "checking";
    this.#checkedAtSeconds = this.#clock();
    const session = await this.#fetchSession();
    // Without an answer it is as with any lost connection: it is tried again.
    if (session === "ended") this.#markSignedOut();
    else if (this.#state === "checking") this.#admit();
  }

  #admit(): void {
    if (this.#state === "admitted") return;
    this.#state = "admitted";
    clearTimeout(this.#pollTimer);
    if (this.#started) this.onAdmitted();
  }

  #markSignedOut(): void {
    if (!this.#started || this.#state === "signed_out") return;
    this.#state = "signed_out";
    clearTimeout(this.#checkTimer);
    this.#checkTimer = undefined;
    this.#schedulePoll();
    this.onSignedOut();
  }

  #schedulePoll(): void {
    clearTimeout(this.#pollTimer);
    this.#pollTimer = setTimeout(() => this.#poll(), SIGNED_OUT_POLL_SECONDS * (1 + Math.random() * JITTER) * 1000);
  }

  #poll(): void {
    this.#schedulePoll();
    if (this.#page.visibilityState !== "visible" || this.#isPolling) return;
    this.#isPolling = true;
    void this.#fetchSession().then((session) => {
      this.#isPolling = false;
      if (session === "valid" && this.#state === "signed_out") this.#admit();
    });
  }
}
