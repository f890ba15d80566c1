"""The health of the product as this process sees it."""

import time
from collections.abc import Callable

from api.link import RedisLink
from api.store import Store
from api.unavailable import Unavailable
from contract import VERSION
from contract.messages import Snapshot
from contract.names import METRICS_CHANNEL
from contract.presence import read_collector, read_replicas
from contract.rest import CollectorReport, HealthReport, ReplicaReport, health_report
from runtime.clock import timestamp
from runtime.readiness import Readiness
from runtime.redis_failures import RedisFailure


class Reporter:
    """Makes the body of ``GET /api/health``.

    Presence lives for seconds, so with Redis away no replica and no collector is known to be there; the cluster's
    name and the age of its last snapshot are answered from memory.
    """

    def __init__(
        self, link: RedisLink, store: Store, readiness: Readiness, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._link = link
        self._store = store
        self._readiness = readiness
        self._wall_clock = wall_clock

    def report(self) -> HealthReport:
        """Ask Redis who is there."""
        collector, cluster = self._collector()
        replicas = self._replicas()
        return health_report(
            timestamp=timestamp(self._wall_clock()),
            version=VERSION,
            cluster_name=cluster,
            redis_down_since=self._readiness.redis_down_since,
            functions_missing=self._readiness.functions_missing,
            collector=collector,
            replicas=replicas,
        )

    def _collector(self) -> tuple[CollectorReport, str | None]:
        try:
            collector, cluster = self._link.ask(read_collector)
        except RedisFailure:
            collector, cluster = None, None
        known_cluster, known_age = self._remembered()
        if collector is None:
            collector = CollectorReport(status="down", leader=None, epoch=None, age_seconds=known_age)
        return collector, cluster or known_cluster

    def _replicas(self) -> list[ReplicaReport]:
        try:
            return self._link.ask(read_replicas)
        except RedisFailure:
            return []

    def _remembered(self) -> tuple[str | None, float | None]:
        """Name of the cluster and age of its snapshot, as read last."""
        try:
            latest = self._store.known(METRICS_CHANNEL)
        except Unavailable:
            return None, None
        message = latest.content.message
        assert isinstance(message, Snapshot)
        return message.cluster, latest.age_seconds
