/** Keeps data coming: by push, by polling while the push is down, and asks why when neither brings anything new. */

import type { ErrorFunnel } from "../errors.ts";
import type { Clock, LiveData } from "./live_data.ts";
import { POLL_INTERVAL_SECONDS, Polling } from "./polling.ts";
import type { Circumstances, PushState } from "./problems.ts";
import { Push, type PushTap } from "./push.ts";
import { originIsRefused } from "./refused_origin.ts";

/** The push may be away this long, and up to half as long again, before the page polls. */
const POLL_AFTER_SECONDS = 3;
const ASK_ORIGIN_EVERY_SECONDS = 30;
const ASK_HEALTH_EVERY_SECONDS = 3;
/** Between two ticks of a clock that ticks every second; more, and this machine slept. */
const SLEPT_AFTER_MS = 5000;

/** Push and polling in turn. `circumstances()` says how they stand, `onChange` is told when that changes. */
export class Connection {
  readonly push: Push;
  onChange: () => void = () => undefined;
  readonly #polling: Polling;
  readonly #data: LiveData;
  readonly #clock: Clock;
  readonly #funnel: ErrorFunnel;
  #pushState: PushState = { kind: "lost" };
  #redisDownSince: string | null;
  #collectorDown = false;
  #pollFailure: string | null = null;
  #pollTimer: ReturnType<typeof setTimeout> | undefined;
  #originTimer: ReturnType<typeof setTimeout> | undefined;
  #askedOriginAtSeconds = Number.NEGATIVE_INFINITY;
  #askedHealthAtSeconds = Number.NEGATIVE_INFINITY;
  #serverVersion: string | null = null;
  #tickTimer: ReturnType<typeof setInterval> | undefined;
  #tickedAtMs = 0;
  readonly #onReturn = (): void => {
    if (document.visibilityState === "visible") this.push.hurry();
  };

  /** `redisDownSince`: what the server knew when it made the page. */
  constructor(
    data: LiveData,
    clock: Clock,
    funnel: ErrorFunnel,
    redisDownSince: string | null,
    tap: PushTap | null = null,
  ) {
    this.#data = data;
    this.#clock = clock;
    this.#funnel = funnel;
    this.#redisDownSince = redisDownSince;
    const guard = funnel.guard.bind(funnel);
    this.push = new Push(
      location.origin,
      {
        connected: () => this.#onConnected(),
        lost: () => this.#onLost({ kind: "lost" }),
        failed: () => this.#onFailed(),
        ended: (reason) => this.#onLost({ kind: "ended", reason }),
        subscribed: (scope) => data.subscribe(scope),
        snapshot: (snapshot, arrival) => guard("snapshot", () => data.takeSnapshot(snapshot, arrival)),
        delta: (delta) => guard("delta", () => data.takeDelta(delta)) ?? true,
        health: (health) => guard("health", () => data.takeHealth(health)),
        alerts: (alerts) => guard("alerts", () => data.takeAlerts(alerts)),
      },
      tap,
    );
    this.#polling = new Polling({
      snapshot: (snapshot, arrival) => guard("snapshot", () => data.takeWhole(snapshot, arrival)),
      health: (health) => guard("health", () => data.takeHealth(health)),
      alerts: (alerts) => guard("alerts", () => data.takeAlerts(alerts)),
      polled: (failure) => this.#onPolled(failure),
    });
  }

  start(): void {
    window.addEventListener("online", this.#onReturn);
    document.addEventListener("visibilitychange", this.#onReturn);
    this.#tickedAtMs = Date.now();
    this.#tickTimer = setInterval(() => this.#tick(), 1000);
    this.#pollSoon();
    this.push.start();
  }

  stop(): void {
    window.removeEventListener("online", this.#onReturn);
    document.removeEventListener("visibilitychange", this.#onReturn);
    this.push.stop();
    this.#stopPolling();
    clearInterval(this.#tickTimer);
    clearTimeout(this.#originTimer);
  }

  /** How things stand now; asks the push service for the cause where data is overdue. */
  circumstances(): Circumstances {
    const now = this.#clock();
    const freshness = this.#data.freshness.state(now);
    if (!this.#data.freshness.isOverdue(now)) {
      this.#redisDownSince = null;
      this.#collectorDown = false;
    } else if (this.#pushState.kind === "connected") {
      // Before the data is stale, so that the cause is known by then.
      this.#askWhy(now);
    }
    return {
      freshness,
      ageSeconds: this.#data.freshness.ageSeconds(now),
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
    this.#askHealth();
    this.onChange();
  }

  /** Where this machine slept, time has passed that no timer counted. */
  #tick(): void {
    const now = Date.now();
    if (now - this.#tickedAtMs > SLEPT_AFTER_MS) this.#onReturn();
    this.#tickedAtMs = now;
  }

  #onLost(state: PushState): void {
    this.#pushState = state;
    this.#redisDownSince = null;
    this.#collectorDown = false;
    this.#data.freshness.pushLost();
    this.#pollSoon();
    this.onChange();
  }

  #onFailed(): void {
    const now = this.#clock();
    if (now - this.#askedOriginAtSeconds < ASK_ORIGIN_EVERY_SECONDS) return;
    this.#askedOriginAtSeconds = now;
    void this.#askOrigin();
  }

  /** Leaves the push alone while this page's origin is refused, and asks again from time to time. */
  async #askOrigin(): Promise<void> {
    const refused = await originIsRefused();
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
    const seconds = POLL_AFTER_SECONDS * (1 + Math.random() / 2);
    this.#pollTimer = setTimeout(() => this.#polling.start(), seconds * 1000);
  }

  #stopPolling(): void {
    clearTimeout(this.#pollTimer);
    this.#polling.stop();
    this.#pollFailure = null;
  }

  #askWhy(now: number): void {
    if (now - this.#askedHealthAtSeconds < ASK_HEALTH_EVERY_SECONDS) return;
    this.#askedHealthAtSeconds = now;
    this.#askHealth();
  }

  #askHealth(): void {
    this.push.askHealth().then(
      ({ data }) => {
        const { redis, collector, version } = data;
        this.#serverVersion = version;
        const overdue = this.#data.freshness.isOverdue(this.#clock());
        this.#redisDownSince = overdue ? redis.down_since : null;
        this.#collectorDown = overdue && redis.status === "up" && collector.status === "down";
        this.onChange();
      },
      // Where a connection is and even this is not answered, it may be dead.
      () => {
        if (this.#pushState.kind === "connected") this.push.hurry();
      },
    );
  }
}
