/** Keeps the data current by push, or by polling while the push is down, and finds out why no data arrives. */

import type { Admission } from "../access/admission.ts";
import { currentAddress } from "../address.ts";
import { ERROR_CODES, type ServerError } from "../contract.ts";
import type { ErrorFunnel } from "../errors.ts";
import type { ConnectionStatus, PushState } from "./banner_messages.ts";
import type { Clock, LiveData } from "./live_data.ts";
import { isOriginRefused } from "./origin_check.ts";
import { POLL_INTERVAL_SECONDS, Polling } from "./polling.ts";
import { Push } from "./push.ts";
import type { PushTap } from "./push_tap.ts";
import { ResumeDetector } from "./resume_detector.ts";

/** The page polls after the push is down for this long, plus up to half of it. */
const POLL_AFTER_SECONDS = 3;
const ASK_ORIGIN_EVERY_SECONDS = 30;
const ASK_HEALTH_EVERY_SECONDS = 3;

/** What a connection is made of. */
export interface ConnectionOptions {
  readonly data: LiveData;
  readonly clock: Clock;
  readonly funnel: ErrorFunnel;
  readonly admission: Admission;
  readonly fetcher: typeof fetch;
  /** State of Redis when the server built the page. */
  readonly redisDownSince: string | null;
  readonly tap: PushTap | null;
}

/**
 * Runs push and polling in turn while the page is admitted.
 *
 * `status()` returns the current state. `onChange` is called after every change.
 */
export class Connection {
  readonly push: Push;
  onChange: () => void = () => undefined;
  readonly #polling: Polling;
  readonly #data: LiveData;
  readonly #clock: Clock;
  readonly #funnel: ErrorFunnel;
  readonly #admission: Admission;
  #pushState: PushState = { kind: "lost" };
  #redisDownSince: string | null;
  #collectorDown = false;
  #pollFailure: string | null = null;
  #pollTimer: ReturnType<typeof setTimeout> | undefined;
  #originTimer: ReturnType<typeof setTimeout> | undefined;
  #askedOriginAtSeconds = Number.NEGATIVE_INFINITY;
  #askedHealthAtSeconds = Number.NEGATIVE_INFINITY;
  #serverVersion: string | null = null;
  readonly #resumeDetector = new ResumeDetector(() => this.push.checkConnection());

  constructor({ data, clock, funnel, admission, fetcher, redisDownSince, tap }: ConnectionOptions) {
    this.#data = data;
    this.#clock = clock;
    this.#funnel = funnel;
    this.#admission = admission;
    this.#redisDownSince = redisDownSince;
    const guard = funnel.guard.bind(funnel);
    this.push = new Push(
      location.origin,
      {
        connected: () => this.#onConnected(),
        lost: () => this.#onLost({ kind: "lost" }),
        failed: () => this.#onFailed(),
        ended: (serverError) => this.#onEnded(serverError),
        subscribed: (scope) => data.subscribe(scope),
        snapshot: (snapshot, arrival) => guard("snapshot", () => data.acceptSnapshot(snapshot, arrival)),
        delta: (delta) => guard("delta", () => data.acceptDelta(delta)) ?? true,
        health: (health) => guard("health", () => data.acceptHealth(health)),
        alerts: (alerts) => guard("alerts", () => data.acceptAlerts(alerts)),
      },
      tap,
    );
    this.#polling = new Polling(
      {
        snapshot: (snapshot, arrival) => guard("snapshot", () => data.acceptFull(snapshot, arrival)),
        health: (health) => guard("health", () => data.acceptHealth(health)),
        alerts: (alerts) => guard("alerts", () => data.acceptAlerts(alerts)),
        polled: (failure) => this.#onPolled(failure),
      },
      fetcher,
    );
  }

  start(): void {
    this.#resumeDetector.start();
    this.#admission.onAdmitted = () => this.#onAdmitted();
    this.#admission.onSignedOut = () => this.#onSignedOut();
    this.#admission.start();
    this.#pollSoon();
    this.push.start();
  }

  stop(): void {
    this.#admission.stop();
    this.#resumeDetector.stop();
    this.push.stop();
    this.#stopPolling();
    clearTimeout(this.#originTimer);
  }

  /** Return the current state. If data is overdue, ask the push service for the cause. */
  status(): ConnectionStatus {
    const now = this.#clock();
    const admission = this.#admission.state;
    if (!this.#data.freshness.isOverdue(now)) {
      this.#redisDownSince = null;
      this.#collectorDown = false;
    } else if (this.#pushState.kind === "connected") {
      // Ask before the data is stale, so that the cause is known in time.
      this.#requestCause(now);
    }
    return {
      freshness: admission === "signed_out" ? admission : this.#data.freshness.state(now),
      ageSeconds: this.#data.freshness.ageSeconds(now),
      admission,
      address: currentAddress(),
      push: this.#pushState,
      redisDownSince: this.#redisDownSince,
      collectorDown: this.#collectorDown,
      pollFailure: this.#pollFailure,
      pollIntervalSeconds: POLL_INTERVAL_SECONDS,
      scriptFailure: this.#funnel.last,
      serverVersion: this.#serverVersion,
    };
  }

  #onConnected(): void {
    this.#pushState = { kind: "connected" };
    this.#data.freshness.pushConnected(this.#clock());
    this.#stopPolling();
    this.#admission.connectionAccepted();
    this.#requestHealth();
    this.onChange();
  }

  #onLost(state: PushState): void {
    this.#pushState = state;
    this.#redisDownSince = null;
    this.#collectorDown = false;
    this.#data.freshness.pushLost();
    this.#pollSoon();
    this.onChange();
  }

  #onEnded(serverError: ServerError | null): void {
    if (serverError?.code === ERROR_CODES.signInRequired) {
      this.#onLost({ kind: "unadmitted" });
      this.#admission.checkSession();
    } else if (serverError?.code === ERROR_CODES.limitExceeded) {
      this.#onLost({ kind: "limited" });
    } else {
      this.#onLost({ kind: "ended", serverError });
    }
  }

  #onAdmitted(): void {
    if (this.#pushState.kind === "unadmitted") {
      this.#pushState = { kind: "lost" };
      this.push.start();
    }
    if (this.#pushState.kind !== "connected") this.#pollSoon();
    this.onChange();
  }

  #onSignedOut(): void {
    // A connection that the reader closed stays closed.
    const wasClosedByReader = this.#pushState.kind === "lost" && !this.push.isActive;
    this.push.stop();
    this.#pushState = { kind: wasClosedByReader ? "lost" : "unadmitted" };
    clearTimeout(this.#originTimer);
    this.#stopPolling();
    this.onChange();
  }

  #onFailed(): void {
    const now = this.#clock();
    if (now - this.#askedOriginAtSeconds < ASK_ORIGIN_EVERY_SECONDS) return;
    this.#askedOriginAtSeconds = now;
    void this.#askOrigin();
  }

  /** Stop the push while the server refuses this page's origin, and check the origin from time to time. */
  async #askOrigin(): Promise<void> {
    const refused = await isOriginRefused();
    if (refused && this.#pushState.kind === "lost") {
      this.#pushState = { kind: "refused", origin: location.origin };
      this.push.stop();
    } else if (!refused && this.#pushState.kind === "refused") {
      this.#pushState = { kind: "lost" };
      this.push.start();
    }
    clearTimeout(this.#originTimer);
    if (this.#pushState.kind === "refused") {
      this.#originTimer = setTimeout(() => void this.#askOrigin(), ASK_ORIGIN_EVERY_SECONDS * 1000);
    }
    this.onChange();
  }

  #onPolled(failure: string | null): void {
    this.#pollFailure = failure;
    if (failure === null) this.#data.freshness.pollSucceeded(this.#clock());
    this.onChange();
  }

  #pollSoon(): void {
    clearTimeout(this.#pollTimer);
    if (this.#admission.state === "signed_out") return;
    const seconds = POLL_AFTER_SECONDS * (1 + Math.random() / 2);
    this.#pollTimer = setTimeout(() => this.#polling.start(), seconds * 1000);
  }

  #stopPolling(): void {
    clearTimeout(this.#pollTimer);
    this.#polling.stop();
    this.#pollFailure = null;
  }

  #requestCause(now: number): void {
    if (now - this.#askedHealthAtSeconds < ASK_HEALTH_EVERY_SECONDS) return;
    this.#askedHealthAtSeconds = now;
    this.#requestHealth();
  }

  #requestHealth(): void {
    this.push.requestHealth().then(
      ({ data }) => {
        const { redis, collector, version } = data;
        this.#serverVersion = version;
        const overdue = this.#data.freshness.isOverdue(this.#clock());
        this.#redisDownSince = overdue ? redis.down_since : null;
        this.#collectorDown = overdue && redis.status === "up" && collector.status === "down";
        this.onChange();
      },
      // A connection without an answer may be dead.
      () => {
        if (this.#pushState.kind === "connected") this.push.checkConnection();
      },
    );
  }
}
