/**
 * The Socket.IO connection for all namespaces. The connection is restored automatically unless the server closes it for
 * good.
 */

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

/** First and last delay before a new attempt. Delays double, and each varies by half. */
const FIRST_DELAY_MS = 1000;
const LAST_DELAY_MS = 5000;
const ANSWER_TIMEOUT_MS = 3000;
/** Minimum time between a subscription and its repetition. */
const RESUBSCRIBE_AFTER_MS = 1000;
/** Delay before the next attempt when the server accepts no more connections, plus up to half of it. */
const LIMIT_RETRY_MS = 30_000;

/** Receives the events of the connection. */
export interface PushListener {
  connected(): void;
  /** The connection closed. It returns automatically unless `stop()` closed it. */
  lost(): void;
  /** An attempt failed. The next attempt follows automatically. */
  failed(): void;
  /**
   * The server closed or refused the connection, which is stopped now. After a limit, the connection starts again
   * automatically.
   */
  ended(serverError: ServerError | null): void;
  /** The nodes of `scope` follow, first as a snapshot. */
  subscribed(scope: Scope): void;
  snapshot(snapshot: Snapshot, arrival: Arrival): void;
  /** Return whether the delta fitted. If it did not, the state is requested again. */
  delta(delta: Delta): boolean;
  health(health: Health): void;
  alerts(alerts: Alerts): void;
}

/** `start()` connects and `stop()` disconnects. Both may be called repeatedly. */
export class Push {
  readonly #listener: PushListener;
  readonly #manager: Manager;
  readonly #sockets = new Map<Namespace, Socket>();
  readonly #monitoring: Socket;
  readonly #health: Socket;
  /** Called at every connection except the first, for which the data of the page is recent enough. */
  onReconnected: () => void = () => undefined;
  #scope: Scope = null;
  #connected = false;
  #wasConnected = false;
  #started = false;
  /** Age from the server, for the next snapshot. */
  #statedAgeSeconds: number | null = null;
  #serverError: ServerError | null = null;
  #subscribeTimer: ReturnType<typeof setTimeout> | undefined;
  #restart: ReturnType<typeof setTimeout> | undefined;

  /** `origin`: scheme, host and port of the server. With a `tap`, the page also joins the namespace `/`. */
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
    // The tap is attached last, so that it sees the state after an event.
    if (tap !== null) for (const [namespace, socket] of this.#sockets) tapInto(namespace, socket, this.#manager, tap);
  }

  /** `websocket` or `polling`; `null` while not connected. */
  get transport(): string | null {
    return this.#connected ? this.#manager.engine.transport.name : null;
  }

  /** Whether the connection is open, or will open automatically. */
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

  /** Subscribe to the nodes of `scope`, on this connection and all later connections. */
  subscribe(scope: Scope): void {
    this.#scope = scope;
    this.#sendSubscription(scope);
  }

  /** Request all nodes once; the subscription stays. */
  requestAll(): void {
    if (this.#scope === null) return;
    this.#sendSubscription(null);
    this.#sendSubscription(this.#scope);
  }

  /**
   * Connect now if disconnected; otherwise check that the connection is alive, because a sleeping machine does not
   * notice a lost connection. Called when the network returns or the page becomes visible.
   */
  checkConnection(): void {
    if (!this.#started) return;
    if (this.#connected) void this.#checkAlive();
    else this.#reconnect();
  }

  /** Send an event without arguments. */
  request(namespace: Namespace, event: string): void {
    this.#sockets.get(namespace)?.emit(event);
  }

  /** Ask the server for its health and the health of the other services. Rejects without an answer. */
  async requestHealth(): Promise<HealthResponse> {
    return (await this.#health.timeout(ANSWER_TIMEOUT_MS).emitWithAck(EVENTS.requestHealth)) as HealthResponse;
  }

  #join(namespace: Namespace, auth: () => object = () => ({})): Socket {
    const socket = this.#manager.socket(namespace, { auth: (send) => send(auth()) });
    this.#sockets.set(namespace, socket);
    this.#listenToDisconnects(socket);
    return socket;
  }

  #subscription(scope: Scope): object {
    return { mode: "delta", nodes: scope };
  }

  #sendSubscription(scope: Scope): void {
    if (this.#connected) this.#monitoring.emit(EVENTS.subscribeToUpdates, this.#subscription(scope));
  }

  /** Request the state again, after a pause. */
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
    // Full snapshots follow until the subscription of the handshake applies, a moment later.
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

  #listenToDisconnects(socket: Socket): void {
    socket.on(EVENTS.error, (serverError: ServerError) => {
      this.#serverError = serverError;
    });
    socket.on("connect_error", (error) => {
      // The namespace refused, and the client library does not try again.
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
