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
export type AdmissionState = "admitted" | "asked" | "signed_out";

export const ASK_AGAIN_AFTER_SECONDS = 10;
export const LOOK_EVERY_SECONDS = 60;
/** Pages spread what they ask by up to this share. */
const JITTER = 0.1;

/** What is needed of `document`. */
export type Sight = Pick<Document, "visibilityState" | "addEventListener" | "removeEventListener">;

/** From `start()` to `stop()`. `refused()` and `letIn()` are for whoever meets with the one or the other. */
export class Admission {
  /** Told that the page may go on; where it was not known whether it may, it is tried. */
  onAdmitted: () => void = () => undefined;
  /** Told that nobody is signed in. */
  onSignedOut: () => void = () => undefined;
  readonly #ask: () => Promise<SessionState>;
  readonly #clock: Clock;
  readonly #sight: Sight;
  #state: AdmissionState = "admitted";
  #started = false;
  #askedAtSeconds = Number.NEGATIVE_INFINITY;
  #again: ReturnType<typeof setTimeout> | undefined;
  #look: ReturnType<typeof setTimeout> | undefined;
  #looking = false;
  readonly #onVisibility = (): void => {
    if (this.#state === "signed_out") this.#lookNow();
  };

  constructor(ask: () => Promise<SessionState>, clock: Clock, sight: Sight) {
    this.#ask = ask;
    this.#clock = clock;
    this.#sight = sight;
  }

  get state(): AdmissionState {
    return this.#state;
  }

  start(): void {
    this.#started = true;
    this.#sight.addEventListener("visibilitychange", this.#onVisibility);
  }

  stop(): void {
    this.#started = false;
    this.#sight.removeEventListener("visibilitychange", this.#onVisibility);
    clearTimeout(this.#again);
    this.#again = undefined;
    clearTimeout(this.#look);
  }

  /** Something was refused for want of a session. */
  refused(): void {
    if (!this.#started || this.#state !== "admitted" || this.#again !== undefined) return;
    const waitSeconds = this.#askedAtSeconds + ASK_AGAIN_AFTER_SECONDS - this.#clock();
    if (waitSeconds <= 0) void this.#find();
    else this.#again = setTimeout(() => void this.#find(), waitSeconds * 1000);
  }

  /** A connection was let in: that says more than any answer about the session. */
  letIn(): void {
    clearTimeout(this.#again);
    this.#again = undefined;
    this.#enter();
  }

  /** Use the session, so that it does not go idle under an open page. */
  async renew(): Promise<void> {
    if (this.#state === "admitted" && (await this.#ask()) === "ended") this.#leave();
  }

  async #find(): Promise<void> {
    this.#again = undefined;
    this.#state = "asked";
    this.#askedAtSeconds = this.#clock();
    const session = await this.#ask();
    // Without an answer it is as with any lost connection: it is tried again.
    if (session === "ended") this.#leave();
    else if (this.#state === "asked") this.#enter();
  }

  #enter(): void {
    if (this.#state === "admitted") return;
    this.#state = "admitted";
    clearTimeout(this.#look);
    if (this.#started) this.onAdmitted();
  }

  #leave(): void {
    if (!this.#started || this.#state === "signed_out") return;
    this.#state = "signed_out";
    clearTimeout(this.#again);
    this.#again = undefined;
    this.#lookLater();
    this.onSignedOut();
  }

  #lookLater(): void {
    clearTimeout(this.#look);
    this.#look = setTimeout(() => this.#lookNow(), LOOK_EVERY_SECONDS * (1 + Math.random() * JITTER) * 1000);
  }

  #lookNow(): void {
    this.#lookLater();
    if (this.#sight.visibilityState !== "visible" || this.#looking) return;
    this.#looking = true;
    void this.#ask().then((session) => {
      this.#looking = false;
      if (session === "valid" && this.#state === "signed_out") this.#enter();
    });
  }
}
