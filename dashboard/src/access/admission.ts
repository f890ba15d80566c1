/**
 * Tracks whether the server admits this page.
 *
 * When the server refuses a request because the session is missing, the page checks the session once, and at most every
 * ten seconds. After the session has ended, the page sends no other request until somebody signs in, in any tab. The
 * page checks for a new session every minute while it is visible, and when it becomes visible.
 */

import type { Clock } from "../live/live_data.ts";
import type { SessionState } from "./session_client.ts";

/** `checking`: the server refused a request, and the page is checking its session. */
export type AdmissionState = "admitted" | "checking" | "signed_out";

export const MIN_CHECK_INTERVAL_SECONDS = 10;
export const SIGNED_OUT_POLL_SECONDS = 60;
/** Pages spread their requests by up to this share. */
const JITTER = 0.1;

/** The part of `document` that `Admission` needs. */
export type PageVisibility = Pick<Document, "visibilityState" | "addEventListener" | "removeEventListener">;

/**
 * Works from `start()` to `stop()`. Call `checkSession()` when the server refuses a request, `connectionAccepted()`
 * when the server accepts a connection.
 */
export class Admission {
  /** Called when the page may send requests again. If the state of the session is unknown, the page tries. */
  onAdmitted: () => void = () => undefined;
  /** Called when the session has ended. */
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

  /** The server refused a request because the session is missing. */
  checkSession(): void {
    if (!this.#started || this.#state !== "admitted" || this.#checkTimer !== undefined) return;
    const waitSeconds = this.#checkedAtSeconds + MIN_CHECK_INTERVAL_SECONDS - this.#clock();
    if (waitSeconds <= 0) void this.#runCheck();
    else this.#checkTimer = setTimeout(() => void this.#runCheck(), waitSeconds * 1000);
  }

  /** The server accepted a connection, which proves that the session is valid. */
  connectionAccepted(): void {
    clearTimeout(this.#checkTimer);
    this.#checkTimer = undefined;
    this.#admit();
  }

  /** Use the session, so that the session of an open page does not become idle. */
  async renew(): Promise<void> {
    if (this.#state === "admitted" && (await this.#fetchSession()) === "ended") this.#markSignedOut();
  }

  async #runCheck(): Promise<void> {
    this.#checkTimer = undefined;
    this.#state = "checking";
    this.#checkedAtSeconds = this.#clock();
    const session = await this.#fetchSession();
    // Without an answer, the page tries again, as after any lost connection.
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
