"""``/api/health``, ``/livez``, ``/readyz`` and ``/metrics``: whether the product and this process work."""

import math
import time
from collections.abc import Callable
from typing import Final

from flask import Blueprint, Response, request

from api.counters import Counters
from api.message_store import DataUnavailable, MessageStore
from api.redis_connection import RedisConnection
from api.republish import Republisher
from api.responses import struct_answer
from contract import VERSION
from contract.messages import Health, Snapshot
from contract.names import HEALTH_CHANNEL, METRICS_CHANNEL
from contract.presence import correct_status_by_rounds, read_collector, read_replicas
from contract.rest import CollectorReport, HealthReport, ReplicaReport, health_report
from runtime.clock import timestamp
from runtime.readiness import LIVE, Readiness
from runtime.redis_failures import RedisFailure

#: Texts for clients without a credential.
_READY: Final = {200: "ready\n", 404: "draining\n", 503: "not ready\n"}


class HealthReporter:
    """Builds the body of ``GET /api/health``.

    Presence keys live for seconds. While Redis is away, the report therefore has no replica and no collector. The
    cluster's name and the age of its last snapshot come from memory.
    """

    def __init__(
        self,
        connection: RedisConnection,
        store: MessageStore,
        readiness: Readiness,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._connection = connection
        self._store = store
        self._readiness = readiness
        self._wall_clock = wall_clock
        #: The last report about the collector, and the monotonic time at which Redis gave it.
        self._last: tuple[CollectorReport, float] | None = None

    def report(self) -> HealthReport:
        """Return the report, with presence read from Redis."""
        collector, cluster = self._collector()
        replicas = self._replicas()
        self._store.refresh(HEALTH_CHANNEL)
        return health_report(
            timestamp=timestamp(self._wall_clock()),
            version=VERSION,
            cluster_name=cluster,
            redis_down_since=self._readiness.redis_down_since,
            functions_missing=self._readiness.functions_missing,
            collector=collector,
            replicas=replicas,
            health=self._health(),
        )

    def _collector(self) -> tuple[CollectorReport, str | None]:
        answered = self._connection.last_answer
        try:
            collector, cluster = self._connection.ask(read_collector)
        except RedisFailure:
            return self._last_known_collector(answered)
        self._last = collector, time.monotonic()
        known_cluster, _, interval = self._remembered()
        if collector.status == "down" or interval is None:
            self._store.refresh(METRICS_CHANNEL)
            known_cluster, _, interval = self._remembered()
        return correct_status_by_rounds(collector, collector.age_seconds, interval), cluster or known_cluster

    def _last_known_collector(self, answered: float | None) -> tuple[CollectorReport, str | None]:
        """Return the report from memory. ``answered`` is the monotonic time of Redis' last answer."""
        cluster, age, interval = self._remembered()
        now, was_up = time.monotonic(), False
        if self._last is not None:
            previous, asked_at = self._last
            was_up = previous.status == "up"
            if previous.age_seconds is not None:
                age = min(previous.age_seconds + now - asked_at, math.inf if age is None else age)
        quiet = age
        if age is not None and was_up and answered is not None:
            # The snapshot may have been old before Redis went away. Only the time since Redis' last answer can be
            # without rounds.
            quiet = min(age, now - answered)
        report = CollectorReport(status="down", leader=None, epoch=None, age_seconds=age)
        return correct_status_by_rounds(report, quiet, interval), cluster

    def _replicas(self) -> list[ReplicaReport]:
        try:
            return self._connection.ask(read_replicas)
        except RedisFailure:
            return []

    def _health(self) -> Health | None:
        try:
            message = self._store.remembered(HEALTH_CHANNEL).stored.message
        except DataUnavailable:
            return None
        return message if isinstance(message, Health) else None

    def _remembered(self) -> tuple[str | None, float | None, float | None]:
        """Return the cluster's name, its snapshot's age, and the seconds between two snapshots, from memory."""
        try:
            latest = self._store.remembered(METRICS_CHANNEL)
        except DataUnavailable:
            return None, None, None
        message = latest.stored.message
        assert isinstance(message, Snapshot)
        return message.cluster, latest.age_seconds, message.interval_seconds


def health_routes(reporter: HealthReporter, republisher: Republisher) -> Blueprint:
    """Return the route."""
    routes = Blueprint("health", __name__, url_prefix="/api")

    @routes.get("/health")
    def health() -> Response:
        """The report, with status 200 even if degraded. A GET request also republishes the cluster's health."""
        if request.method == "GET":
            republisher.republish(HEALTH_CHANNEL)
        return struct_answer(reporter.report())

    return routes


def probe_routes(readiness: Readiness, counters: Counters, is_identified: Callable[[], bool]) -> Blueprint:
    """Return the routes; ``is_identified`` returns whether the client may read why the service is not ready."""
    routes = Blueprint("probes", __name__)

    @routes.get("/livez")
    def livez() -> Response:
        """200 while the process answers requests. Does not depend on Redis."""
        return _text(LIVE, 200)

    @routes.get("/readyz")
    def readyz() -> Response:
        """503 until the first contact with Redis, 404 while draining."""
        status, text = readiness.readyz()
        return _text(text if is_identified() else _READY[status], status)

    @routes.get("/metrics")
    def metrics() -> Response:
        """The counters in Prometheus' text format."""
        response = Response(counters.text(), content_type="text/plain; version=0.0.4; charset=utf-8")
        response.headers["Cache-Control"] = "no-store"
        return response

    return routes


def _text(text: str, status: int) -> Response:
    response = Response(text, status, mimetype="text/plain")
    response.headers["Cache-Control"] = "no-store"
    return response
