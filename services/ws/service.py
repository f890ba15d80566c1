"""One ws replica: creates and connects all its parts, serves, and shuts down."""

import ws.loop  # isort: skip (first: patches modules that the others import)
import ws.socketio_private  # noqa: F401  # isort: skip (before the others import ``socketio``)

import logging
import math
import os
import random
import resource
import secrets
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from access.gatekeeper import Gatekeeper
from access.revocations import Revocations
from runtime.readiness import Readiness
from runtime.redis_client import blocking_client
from runtime.watchdog import BEAT_SECONDS, Watchdog
from ws.access.admission import Admission
from ws.access.limits import Subscriptions
from ws.access.revocation import AccessEnforcer, RevocationFeed
from ws.alert_log import AlertLogFollower
from ws.allocator import keep_freed_memory
from ws.allowed_origins import AllowedOrigins
from ws.config import Config
from ws.counters import Counters, Metrics
from ws.engine_request import is_for_engine
from ws.feed import ANSWER_SECONDS, CONNECT_SECONDS, Feed
from ws.http_endpoints import (
    Application,
    HttpEndpoints,
    RequestGuard,
    log_errors,
    log_requests,
    queue_requests,
    require_own_host,
)
from ws.loop import Listener, Signals, run_all, serve, spawn
from ws.namespaces.health import HealthNamespace, HealthReporter
from ws.namespaces.monitoring import MonitoringNamespace
from ws.namespaces.root import RootNamespace
from ws.presence import Presence
from ws.request_queue import RequestQueue
from ws.socketio_endpoint import SocketIOEndpoint
from ws.state import ClusterState, MessageOutcome

#: Most seconds of each step of the shutdown that waits for clients or Redis.
SHUTDOWN_STEP_SECONDS: Final = 1.0
#: Seconds between draining and the first disconnected client. Gateways request ``/readyz`` once per second and must see
#: that the replica drains. Otherwise they would send the clients back, because this replica has the fewest clients.
NOTICE_SECONDS: Final = 2.0
#: Seconds between two batches of disconnected clients.
BATCH_SECONDS: Final = 0.1

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SecondAddress:
    """A second address, which serves another application around the replica's ``/socket.io/``.

    ``wrap`` gets an application that answers 404 outside ``/socket.io/``, and returns the application to serve.
    """

    host: str
    port: int
    wrap: Callable[[Application], Application]
    #: Makes the listener for host and port.
    listen: Callable[[str, int], Listener] = Listener


def run(config: Config, second_address: SecondAddress | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code: 0, or 2 if the replica cannot listen on an address."""
    listeners: list[Listener] = []
    addresses: list[tuple[Callable[[str, int], Listener], str, int]] = [(Listener, config.host, config.port)]
    if second_address is not None:
        addresses.append((second_address.listen, second_address.host, second_address.port))
    for listen, host, port in addresses:
        try:
            listeners.append(listen(host, port))
        except OSError as error:
            _logger.error("cannot listen on %s:%d: %s", host, port, error.strerror)
            return 2
    for text in config.removed:
        _logger.warning("%s", text)
    signals = Signals(signal.SIGTERM, signal.SIGINT)
    _raise_limit_of_open_files()
    keep_freed_memory()
    replica = Replica(config)
    replica.start()
    spawn("watchdog", _beat_watchdog)
    spawn("http", lambda: serve(listeners[0], replica.own_app))
    if second_address is not None:
        wrapped = replica.with_request_limits(log_errors(second_address.wrap(replica.socketio_app)))
        spawn("second address", lambda: serve(listeners[1], wrapped))
    _logger.info("replica %s listens on %s, port %d; event loop: %s", replica.id, config.host, config.port, config.loop)
    number = signals.wait()
    _logger.info("%s: shutting down", signal.Signals(number).name)
    # The listeners stay open until the end: gateways check whether the replica drains or is dead.
    replica.stop(config.drain_seconds if number == signal.SIGTERM else 0)
    for listener in listeners:
        listener.close()
    return 0


class Replica:
    """One replica with all its parts."""

    def __init__(self, config: Config) -> None:
        self.id = secrets.token_hex(4)
        self._counters = Counters()
        self._readiness = Readiness()
        self._takes_sessions = True
        redis = blocking_client(config.redis_url, connect_seconds=CONNECT_SECONDS, answer_seconds=ANSWER_SECONDS)
        state = ClusterState()
        log = AlertLogFollower(redis)
        self._hosts = config.hosts
        self._request_queue = RequestQueue(spawn)
        allowed_origins = self._allowed_origins = AllowedOrigins(config.allowed_origins, self._counters, config.public)
        revocations = Revocations()
        gatekeeper = Gatekeeper(config.access, revocations)
        self._revocation_feed = RevocationFeed(redis, revocations)
        self._admission = Admission(
            gatekeeper, config.limits, allowed_origins, self._counters, self._revocation_feed.refresh
        )
        self._endpoint = SocketIOEndpoint(self._admission, allowed_origins, self._counters, config)
        self._access_enforcer = AccessEnforcer(self._admission, self._endpoint)
        push = self._endpoint.push
        self._presence = Presence(self.id, redis, self._readiness, self._counters, self._endpoint.connected_clients)
        self._endpoint.server.changed = self._presence.changed
        self._endpoint.server.request_queue = self._request_queue
        reporter = HealthReporter(redis, state, self._readiness, self._presence.report)
        self._root = RootNamespace(push, self._counters, state, self.id)
        self._health = HealthNamespace(push, self._counters, state, reporter)
        subscriptions = Subscriptions(
            config.limits, self._counters, lambda sid: self._endpoint.quotas_of(sid, MonitoringNamespace.name)
        )
        self._monitoring = MonitoringNamespace(push, self._counters, state, log, subscriptions)
        for namespace in (self._root, self._health, self._monitoring):
            self._endpoint.add(namespace)
        self._feed = Feed(redis, state, self._readiness, self._counters, log, self._deliver)
        socketio_app = self._endpoint.wsgi()
        endpoints = HttpEndpoints(self._readiness, Metrics(self._counters, self), gatekeeper)
        #: Answers ``/socket.io/`` and 404.
        self.socketio_app: Application = self._guarded(socketio_app)
        #: Answers ``/socket.io/``, the probes and ``/metrics``.
        self.own_app: Application = self.with_request_limits(
            self._guarded(
                lambda environ, start: (socketio_app if is_for_engine(environ) else endpoints)(environ, start)
            )
        )

    def start(self) -> None:
        """Start following Redis, and register the replica in Redis."""
        self._endpoint.start()
        spawn("feed", self._feed.run)
        spawn("presence", self._presence.run)
        if self._admission.is_closed:
            spawn("revocations", self._revocation_feed.run)
        spawn("access", self._access_enforcer.run)

    def stop(self, drain_seconds: float) -> None:
        """Unregister the replica and disconnect its clients, in batches if there are other replicas."""
        self._readiness.drain()
        run_all([self._presence.remove], within_seconds=SHUTDOWN_STEP_SECONDS)
        if drain_seconds and self._has_other_replicas():
            time.sleep(NOTICE_SECONDS)
        # Replicas that shut down at the same time are no longer registered by now.
        if drain_seconds and not self._has_other_replicas():
            drain_seconds = 0
        self._takes_sessions = False
        closers = list(self._endpoint.closers())
        random.shuffle(closers)
        size = math.ceil(len(closers) / max(1, round(drain_seconds / BATCH_SECONDS))) or 1
        if closers:
            _logger.info("disconnecting %d clients", len(closers))
        for begin in range(0, len(closers), size):
            if begin and drain_seconds:
                time.sleep(BATCH_SECONDS)
            run_all(closers[begin : begin + size], within_seconds=SHUTDOWN_STEP_SECONDS)
        run_all([self._endpoint.wait_until_closed], within_seconds=SHUTDOWN_STEP_SECONDS)

    def _has_other_replicas(self) -> bool:
        """Whether there are other replicas for the clients; ``True`` if Redis does not answer."""
        found: list[bool] = []
        run_all([lambda: found.append(self._presence.is_alone())], within_seconds=SHUTDOWN_STEP_SECONDS)
        return found != [True]

    def with_request_limits(self, app: Application) -> Application:
        """Return ``app`` with a check of the host name and a request queue."""
        bounded = queue_requests(
            require_own_host(app, self._hosts, self._counters), self._admission, self._request_queue
        )
        return log_requests(bounded) if _logger.isEnabledFor(logging.DEBUG) else bounded

    def clients_by_transport(self) -> Mapping[str, int]:
        """Return the number of Engine.IO connections by transport."""
        return self._endpoint.clients_by_transport()

    def clients_by_namespace(self) -> Mapping[str, int]:
        """Return the number of Socket.IO connections by namespace."""
        return self._endpoint.clients_by_namespace()

    def backlog(self) -> tuple[int, int]:
        """Return the number of clients with unsent packets, and the number of these packets."""
        return self._endpoint.backlog()

    def redis_is_up(self) -> bool:
        """Whether Redis answers."""
        return self._readiness.redis_down_since is None

    def _deliver(self, outcome: MessageOutcome) -> None:
        self._root.deliver(outcome)
        self._health.deliver(outcome)
        self._monitoring.deliver(outcome)

    def _guarded(self, app: Application) -> Application:
        return RequestGuard(app, lambda: self._takes_sessions, self._admission, self._allowed_origins)


def _beat_watchdog() -> None:
    watchdog = Watchdog(os.environ)
    while watchdog.is_watched:
        watchdog.beat()
        time.sleep(BEAT_SECONDS)


def _raise_limit_of_open_files() -> None:
    """Raise the soft limit of open files, usually 1024, to the hard limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
