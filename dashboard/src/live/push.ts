/** The Socket.IO connection: one for all namespaces, kept up by itself, left alone when the server says so. */

import { Manager, type Socket } from "socket.io-client";
import {
  type Alerts,
  type Delta,
  ERROR_CODES,
  EVENTS,
  type Health,
  type HealthResponse,
  type MonitoringConnected,
  NAMESPACES,
  type Namespace,
  type ServerError,
  type Snapshot,
  type SubscribedToUpdates,
} from "../contract.ts";
import { serverErrorOf } from "./connect_error.ts";
import type { Arrival } from "./freshness.ts";
import { type PushTap, tapInto } from "./push_tap.ts";
import type { Scope } from "./snapshot_store.ts";

/** First wait before a new attempt; doubled up to the last, each ± half. */
const FIRST_DELAY_MS = 1000;
const LAST_DELAY_MS = 5000;
const ANSWER_TIMEOUT_MS = 3000;
/** A subscription is asked for again no sooner than this after the last one, whatever is missing. */
const RESUBSCRIBE_AFTER_MS = 1000;
/** Where the server takes no more connections, the next attempt follows after this, and up to half as long again. */
const LIMIT_RETRY_MS = 30_000;

/** Told what the connection does and brings. */
export interface PushListener {
  connected(): void;
  /** It closed, by itself or by hand; it comes back by itself unless stopped. */
  lost(): void;
  /** An attempt failed; the next one follows by itself. */
  failed(): void;
  /** The server closed it or refused it; it is stopped now. Where a limit was reached it starts again by itself. */
  ended(serverError: ServerError | null): void;
  /** From here on come the nodes of `scope`: a snapshot first. */
  subscribed(scope: Scope): void;
  snapshot(snapshot: Snapshot, arrival: Arrival): void;
  /** Returns whether the delta fitted; if not, the state is asked for again. */
  delta(delta: Delta): boolean;
  health(health: Health): void;
  alerts(alerts: Alerts): void;
}

/** `start()` connects, `stop()` disconnects; both may be repeated. */
export class Push {
  readonly #listener: PushListener;
  readonly #manager: Manager;
  readonly #sockets = new Map<Namespace, Socket>();
  readonly #monitoring: Socket;
  readonly #health: Socket;
  /** Told of each connection but the first: what the page was made of is not older than that. */
  onReconnected: () => void = () => undefined;
  #scope: Scope = null;
  #connected = false;
  #wasConnected = false;
  #started = false;
  /** Age that the server stated; belongs to the first snapshot after it. */
  #statedAgeSeconds: number | null = null;
  #serverError: ServerError | null = null;
  #subscribeTimer: ReturnType<typeof setTimeout> | undefined;
  #restart: ReturnType<typeof setTimeout> | undefined;

  /** `origin`: scheme, host and port of the server. `tap` also joins the namespace `/`. */
  constructor(origin: string, listener: PushListener, tap: PushTap | null = null) {
    this.#listener = listener;
    this.#manager = new Manager(origin, {
      autoConnect: false,
      transports: ["websocket", "polling"],
      tryAllTransports: true,
      reconnectionDelay: FIRST_DELAY_MS,
      reconnectionDelayMax: LAST_DELAY_MS,
      randomizationFactor: 0.5,
    });
    if (tap !== null) this.#join(NAMESPACES.root);
    this.#monitoring = this.#join(NAMESPACES.monitoring, () => ({ subscribe: this.#subscription(this.#scope) }));
    this.#health = this.#join(NAMESPACES.health);
    this.#listenToMonitoring();
    this.#health.on(EVENTS.healthUpdate, (health: Health) => listener.health(health));
    // Last, so that the tap sees the state after an event.
    if (tap !== null) for (const [namespace, socket] of this.#sockets) tapInto(namespace, socket, this.#manager, tap);
  }

  /** `websocket` or `polling`; `null` while not connected. */
  get transport(): string | null {
    return this.#connected ? this.#manager.engine.transport.name : null;
  }

  /** Whether it is, or will be by itself, connected or connecting. */
  get isActive(): boolean {
    return this.#started || this.#restart !== undefined;
  }

  start(): void {
    this.#cancelRestart();
    this.#started = true;
    for (const socket of this.#sockets.values()) socket.connect();
  }

  stop(): void {
    this.#started = false;
    for (const socket of this.#sockets.values()) socket.disconnect();
    this.#onConnectionLost();
    if (this.#cancelRestart()) this.#listener.lost();
  }

  /** Ask for the nodes of `scope` from now on, over this and every later connection. */
  subscribe(scope: Scope): void {
    this.#scope = scope;
    this.#sendSubscription(scope);
  }

  /** Ask once for all nodes; what was asked for goes on after it. */
  requestAll(): void {
    if (this.#scope === null) return;
    this.#sendSubscription(null);
    this.#sendSubscription(this.#scope);
  }

  /**
   * The network returned, or somebody looks again: connect now if there is no connection, and find out whether the one
   * there is still lives, which nothing tells after a sleep.
   */
  checkConnection(): void {
    if (!this.#started) return;
    if (this.#connected) void this.#checkAlive();
    else this.#reconnect();
  }

  /** Send an event without argument. */
  request(namespace: Namespace, event: string): void {
    this.#sockets.get(namespace)?.emit(event);
  }

  /** Ask the server how it and its neighbours are. Rejects when nothing comes. */
  async requestHealth(): Promise<HealthResponse> {
    return (await this.#health.timeout(ANSWER_TIMEOUT_MS).emitWithAck(EVENTS.requestHealth)) as HealthResponse;
  }

  #join(namespace: Namespace, auth: () => object = () => ({})): Socket {
    const socket = this.#manager.socket(namespace, { auth: (send) => send(auth()) });
    this.#sockets.set(namespace, socket);
    this.#listenToEnds(socket);
    return socket;
  }

  #subscription(scope: Scope): object {
    return { mode: "delta", nodes: scope };
  }

  #sendSubscription(scope: Scope): void {
    if (this.#connected) this.#monitoring.emit(EVENTS.subscribeToUpdates, this.#subscription(scope));
  }

  /** Ask for the state again, but not in a storm. */
  #resubscribeLater(): void {
    this.#subscribeTimer ??= setTimeout(() => {
      this.#subscribeTimer = undefined;
      this.#sendSubscription(this.#scope);
    }, RESUBSCRIBE_AFTER_MS);
  }

  async #checkAlive(): Promise<void> {
    try {
      await this.#monitoring
        .timeout(ANSWER_TIMEOUT_MS)
        .emitWithAck(EVENTS.subscribeToUpdates, this.#subscription(this.#scope));
    } catch {
      if (this.#connected) this.#reconnect();
    }
  }

  #reconnect(): void {
    for (const socket of this.#sockets.values()) socket.disconnect();
    for (const socket of this.#sockets.values()) socket.connect();
  }

  #listenToMonitoring(): void {
    const socket = this.#monitoring;
    socket.on("connect", () => {
      this.#connected = true;
      this.#statedAgeSeconds = null;
      this.#serverError = null;
      this.#listener.connected();
      if (this.#wasConnected) this.onReconnected();
      this.#wasConnected = true;
    });
    socket.on("connect_error", () => {
      if (socket.active) this.#listener.failed();
    });
    // Whole snapshots follow, unless the subscription of the handshake is in force a moment later.
    socket.on(EVENTS.monitoringConnected, ({ age_seconds }: MonitoringConnected) => {
      this.#statedAgeSeconds = age_seconds;
      this.#listener.subscribed(null);
    });
    socket.on(EVENTS.subscribedToUpdates, (answer: SubscribedToUpdates) => {
      this.#statedAgeSeconds = answer.age_seconds;
      this.#listener.subscribed(answer.nodes);
    });
    socket.on(EVENTS.clusterMetrics, (snapshot: Snapshot) => {
      const ageSeconds = this.#statedAgeSeconds;
      this.#statedAgeSeconds = null;
      this.#listener.snapshot(snapshot, ageSeconds === null ? { kind: "live" } : { kind: "stated", ageSeconds });
    });
    socket.on(EVENTS.clusterMetricsDelta, (delta: Delta) => {
      if (!this.#listener.delta(delta)) this.#resubscribeLater();
    });
    socket.on(EVENTS.alertsUpdate, (alerts: Alerts) => this.#listener.alerts(alerts));
  }

  #listenToEnds(socket: Socket): void {
    socket.on(EVENTS.error, (serverError: ServerError) => {
      this.#serverError = serverError;
    });
    socket.on("connect_error", (error) => {
      // The namespace refused: the client library does not try again.
      if (!socket.active) this.#onEnded(serverErrorOf(error));
    });
    socket.on("disconnect", (reason) => {
      if (reason === "io server disconnect") this.#onEnded(this.#serverError);
      else if (socket === this.#monitoring) this.#onConnectionLost();
    });
  }

  #onEnded(serverError: ServerError | null): void {
    if (!this.#started) return;
    this.stop();
    if (serverError?.code === ERROR_CODES.limitExceeded) {
      this.#restart = setTimeout(() => this.start(), LIMIT_RETRY_MS * (1 + Math.random() / 2));
    }
    this.#listener.ended(serverError);
  }

  #cancelRestart(): boolean {
    const waited = this.#restart !== undefined;
    clearTimeout(this.#restart);
    this.#restart = undefined;
    return waited;
  }

  #onConnectionLost(): void {
    clearTimeout(this.#subscribeTimer);
    this.#subscribeTimer = undefined;
    if (this.#connected) {
      this.#connected = false;
      this.#listener.lost();
    } else if (this.#started) {
      this.#listener.failed();
    }
  }
}
