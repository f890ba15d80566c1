"""Namespace ``/health``: the cluster's health for new clients and on every change, the product's health on request."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from redis import Redis

from contract import VERSION
from contract.codec import encode
from contract.events import (
    HEALTH_CONNECTED,
    HEALTH_NAMESPACE,
    HEALTH_RESPONSE,
    HEALTH_UPDATE,
    REQUEST_HEALTH,
    ClusterCounts,
    HealthConnected,
    HealthReportWithCluster,
    HealthResponse,
)
from contract.messages import Health, Snapshot
from contract.names import HEALTH_CHANNEL
from contract.presence import correct_status_by_rounds, read_collector, read_replicas
from contract.rest import CollectorReport, ReplicaReport, health_report
from runtime.clock import timestamp
from runtime.readiness import Readiness
from runtime.redis_failures import RedisFailure, translated
from ws.counters import Counters
from ws.event import Push
from ws.namespaces.namespace import Namespace
from ws.state import ClusterState, MessageOutcome

#: Seconds for which answers of Redis are cached.
CACHE_SECONDS: Final = 1.0

#: Reports of the collector, the name of its cluster, and reports of the replicas. The name may be unknown.
RedisReports = tuple[CollectorReport, str | None, list[ReplicaReport]]


class HealthReporter:
    """Makes this replica's report of the product's health: the body of ``GET /api/health`` and the cluster's counts.

    While Redis is away, the report contains only what the replica knows without Redis.
    """

    def __init__(
        self,
        redis: Redis,
        state: ClusterState,
        readiness: Readiness,
        own: Callable[[], ReplicaReport],
    ) -> None:
        self._redis = redis
        self._state = state
        self._readiness = readiness
        self._own = own
        self._read_lock = threading.Lock()
        self._reports: RedisReports | None = None
        self._read_at: float | None = None

    def report(self) -> HealthReportWithCluster:
        """Return the report; lets other greenlets run while Redis answers."""
        reports = self._read_redis() if self._readiness.redis_down_since is None else None
        down_since = self._readiness.redis_down_since
        if reports is None:
            reports = (
                CollectorReport(status="down", leader=None, epoch=None, age_seconds=self._state.age_seconds),
                None,
                [],
            )
            down_since = down_since or timestamp(time.time())
        collector, cluster, replicas = reports
        snapshot = self._state.snapshot
        interval = None if snapshot is None else snapshot.interval_seconds
        collector = correct_status_by_rounds(collector, self._state.age_seconds, interval)
        own = self._own()
        report = health_report(
            timestamp=timestamp(time.time()),
            version=VERSION,
            cluster_name=snapshot.cluster if cluster is None and snapshot is not None else cluster,
            redis_down_since=down_since,
            functions_missing=self._readiness.functions_missing,
            collector=collector,
            health=self._state.health,
            # The replica's own count is newer than its entry in Redis.
            replicas=sorted([own, *(other for other in replicas if other.replica != own.replica)], key=_id),
        )
        return HealthReportWithCluster(
            **{field: getattr(report, field) for field in report.__struct_fields__},
            cluster=cluster_counts(self._state.health, snapshot),
        )

    def _read_redis(self) -> RedisReports | None:
        with self._read_lock:
            if self._read_at is None or time.monotonic() - self._read_at > CACHE_SECONDS:
                try:
                    with translated():
                        collector, cluster = read_collector(self._redis)
                        self._reports = collector, cluster, read_replicas(self._redis)
                except (RedisFailure, KeyError, ValueError):
                    self._reports = None  # the feed logs it
                self._read_at = time.monotonic()
            return self._reports


def _id(replica: ReplicaReport) -> str:
    return replica.replica


def cluster_counts(health: Health | None, snapshot: Snapshot | None) -> ClusterCounts:
    """Return the cluster's overall status and the numbers of its nodes.

    ``nodes_down`` counts the nodes that are offline in the snapshot; without a snapshot, all nodes that are not online.
    """
    if health is None:
        return ClusterCounts(overall_status="unknown", nodes_online=None, nodes_total=None, nodes_down=None)
    if snapshot is None:
        down = health.nodes_total - health.nodes_online
    else:
        down = sum(1 for node in snapshot.nodes if node.status == "offline")
    return ClusterCounts(
        overall_status=health.overall_status,
        nodes_online=health.nodes_online,
        nodes_total=health.nodes_total,
        nodes_down=down,
    )


class HealthNamespace(Namespace):
    """``health_connected``, ``health_update``, and ``health_response`` to ``request_health``."""

    name = HEALTH_NAMESPACE

    def __init__(self, push: Push, counters: Counters, state: ClusterState, reporter: HealthReporter) -> None:
        super().__init__(push, counters)
        self._state = state
        self._reporter = reporter
        self.requests = {REQUEST_HEALTH: self._request_health}

    def connected(self, sid: str, auth: Mapping[str, Any]) -> None:
        """See ``Namespace``."""
        self.send(sid, HEALTH_CONNECTED, encode(HealthConnected(timestamp=timestamp(time.time()))))
        raw = self._state.raw(HEALTH_CHANNEL)
        if raw is not None:
            self.send(sid, HEALTH_UPDATE, raw, HEALTH_CHANNEL)
        self._push.join(sid, self._all_clients)

    def deliver(self, outcome: MessageOutcome) -> None:
        """Broadcast a new health to all clients."""
        if outcome.channel == HEALTH_CHANNEL and outcome.state is not None:
            self._push.broadcast(self._all_clients, self.event(HEALTH_UPDATE, outcome.state, HEALTH_CHANNEL))

    def _request_health(self, sid: str, argument: Mapping[str, Any]) -> bytes:
        payload = encode(HealthResponse(data=self._reporter.report(), timestamp=timestamp(time.time())))
        self.send(sid, HEALTH_RESPONSE, payload)
        return payload
