/** Keeps data coming: by push, by polling while the push is down, and asks why when neither brings anything new. */

import type { Admission } from "../access/admission.ts";
import { thisPage } from "../address.ts";
import { REFUSALS, type Refusal } from "../contract.ts";
import type { ErrorFunnel } from "../errors.ts";
import type { Clock, LiveData } from "./live_data.ts";
import { POLL_INTERVAL_SECONDS, Polling } from "./polling.ts";
import type { Circumstances, PushState } from "./problems.ts";
import { Push } from "./push.ts";
import type { PushTap } from "./push_tap.ts";
import { originIsRefused } from "./refused_origin.ts";
import { ReturnWatch } from "./return_watch.ts";

/** The push may be away this long, and up to half as long again, before the page polls. */
const POLL_AFTER_SECONDS = 3;
const ASK_ORIGIN_EVERY_SECONDS = 30;
const ASK_HEALTH_EVERY_SECONDS = 3;

/** What a connection is made of. */
export interface ConnectionParts {
  readonly data: LiveData;
  readonly clock: Clock;
  readonly funnel: ErrorFunnel;
  readonly admission: Admission;
  readonly fetcher: typeof fetch;
  /** What the server knew when it made the page. */
  readonly redisDownSince: string | null;
  readonly tap: PushTap | null;
}

/**
 * Push and polling in turn, as long as the page is admitted.
 *
 * `circumstances()` says how they stand, `onChange` is told when that changes.
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
  readonly #returns = new ReturnWatch(() => this.push.hurry());

  constructor({ data, clock, funnel, admission, fetcher, redisDownSince, tap }: ConnectionParts) {
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
        ended: (refusal) => this.#onEnded(refusal),
        subscribed: (scope) => data.subscribe(scope),
        snapshot: (snapshot, arrival) => guard("snapshot", () => data.takeSnapshot(snapshot, arrival)),
        delta: (delta) => guard("delta", () => data.takeDelta(delta)) ?? true,
        health: (health) => guard("health", () => data.takeHealth(health)),
        alerts: (alerts) => guard("alerts", () => data.takeAlerts(alerts)),
      },
      tap,
    );
    this.#polling = new Polling(
      {
        snapshot: (snapshot, arrival) => guard("snapshot", () => data.takeWhole(snapshot, arrival)),
        health: (health) => guard("health", () => data.takeHealth(health)),
        alerts: (alerts) => guard("alerts", () => data.takeAlerts(alerts)),
        polled: (failure) => this.#onPolled(failure),
      },
      fetcher,
    );
  }

  start(): void {
    this.#returns.start();
    this.#admission.onAdmitted = () => this.#onAdmitted();
    this.#admission.onSignedOut = () => this.#onSignedOut();
    this.#admission.start();
    this.#pollSoon();
    this.push.start();
  }

  stop(): void {
    this.#admission.stop();
    this.#returns.stop();
    this.push.stop();
    this.#stopPolling();
    clearTimeout(this.#originTimer);
  }

  /** How things stand now; asks the push service for the cause where data is overdue. */
  circumstances(): Circumstances {
    const now = this.#clock();
    const admission = this.#admission.state;
    if (!this.#data.freshness.isOverdue(now)) {
      this.#redisDownSince = null;
      this.#collectorDown = false;
    } else if (this.#pushState.kind === "connected") {
      // Before the data is stale, so that the cause is known by then.
      this.#askWhy(now);
    }
    return {
      freshness: admission === "signed_out" ? admission : this.#data.freshness.state(now),
      ageSeconds: this.#data.freshness.ageSeconds(now),
      admission,
      address: thisPage(),
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
    this.#admission.letIn();
    this.#askHealth();
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

  #onEnded(refusal: Refusal | null): void {
    if (refusal?.code === REFUSALS.signInRequired) {
      this.#onLost({ kind: "unadmitted" });
      this.#admission.refused();
    } else if (refusal?.code === REFUSALS.limitExceeded) {
      this.#onLost({ kind: "limited" });
    } else {
      this.#onLost({ kind: "ended", refusal });
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
    // What somebody has disconnected by hand stays so.
    const byHand = this.#pushState.kind === "lost" && !this.push.wanted;
    this.push.stop();
    this.#pushState = { kind: byHand ? "lost" : "unadmitted" };
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
    if (this.#admission.state === "signed_out") return;
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
