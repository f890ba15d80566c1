"""Bodies of the REST interface that are not messages of a channel, and how they are made of what Redis holds."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from contract.messages import (
    ClusterStats,
    Coded,
    Count,
    Health,
    Incident,
    LogEntry,
    LogId,
    OverallStatus,
    Snapshot,
    Timestamp,
    overall_status,
)

#: What a token may be used for: to see everything (pages, REST, push), or to put messages on the channels.
Scope = Literal["read", "publish"]


class RedisReport(Struct, frozen=True, kw_only=True):
    """Redis as the answering process sees it; ``down_since`` is ``None`` while it is up."""

    status: Literal["up", "down"]
    down_since: Timestamp | None
    #: Present where Redis answers and cannot run the product's functions: the sentence that says why.
    functions_missing: str | UnsetType = UNSET


class CollectorReport(Struct, frozen=True, kw_only=True):
    """The active collector. ``leader`` is its id, ``None`` without a living lease.

    ``status`` is ``down`` only while there is no living lease and rounds are missing. ``age_seconds``: since Redis took
    its last snapshot, by Redis's clock, ``None`` without one.
    """

    status: Literal["up", "down"]
    leader: str | None
    epoch: int | None
    age_seconds: Annotated[float, Meta(ge=0)] | None


class ReplicaReport(Struct, frozen=True, kw_only=True):
    """One living ws replica."""

    replica: str
    connected_clients: Count
    started: Timestamp
    version: str


class WebsocketReport(Struct, frozen=True, kw_only=True):
    """``connected_clients``: Engine.IO connections summed over all replicas."""

    connected_clients: Count
    replicas: tuple[ReplicaReport, ...]


class Reason(Coded, frozen=True, kw_only=True):
    """Why the product is degraded: a code for programs, and a text for people."""

    text: str


class HealthReport(Struct, frozen=True, kw_only=True):
    """Body of ``GET /api/health``. ``status`` is ``healthy`` while there are no ``reasons`` for another.

    These are what the answering process sees of Redis, the collector and the ws replicas, and what the collector says
    of the product in the cluster's health.
    """

    status: Literal["healthy", "degraded"]
    reasons: tuple[Reason, ...] = ()
    timestamp: Timestamp
    version: str
    cluster_name: str | None
    redis: RedisReport
    collector: CollectorReport
    websocket: WebsocketReport


class OverviewStats(ClusterStats, frozen=True, kw_only=True):
    """The snapshot's figures with two that existing pages read besides."""

    ready_nodes: Count
    down_nodes: Count


class Overview(Struct, frozen=True, kw_only=True):
    """Body of ``GET /api/cluster/overview``."""

    status: OverallStatus
    cluster_stats: OverviewStats
    timestamp: Timestamp


class AlertLogPage(Struct, frozen=True, kw_only=True):
    """Body of ``GET /api/alerts/log``: entries in the log's order.

    ``last_alert_id`` is the position after the last of ``entries``, to be given as ``after`` for the next page.
    """

    entries: tuple[LogEntry, ...]
    last_alert_id: LogId | None


class IncidentsPage(Struct, frozen=True, kw_only=True):
    """Body of ``GET /api/incidents``: incidents, newest first.

    On the first page those that go on, whose ``ended`` is ``None``, come before all others. ``known_since``: from when
    on all incidents are recorded, ``None`` where none ever was. ``next`` is to be given as ``after`` for the next page;
    ``None`` after the last one.
    """

    incidents: tuple[Incident, ...]
    known_since: Timestamp | None
    next: LogId | None


class HistoryValues(Struct, frozen=True, kw_only=True):
    """One measure over the steps of a ``History``; ``None`` where nothing is known."""

    min: tuple[float | None, ...]
    avg: tuple[float | None, ...]
    max: tuple[float | None, ...]


class HistorySeries(Struct, frozen=True, kw_only=True):
    """One node's measures, by their names in the snapshot; ``node`` is ``None`` for the averages of the cluster."""

    node: str | None
    measures: dict[str, HistoryValues]


class DistributionValues(Struct, frozen=True, kw_only=True):
    """How one measure lies over all nodes, in the steps of a ``History``; ``None`` where nothing is known.

    ``max_node``: the name of the node that had the maximum.
    """

    p10: tuple[float | None, ...]
    median: tuple[float | None, ...]
    p90: tuple[float | None, ...]
    max: tuple[float | None, ...]
    max_node: tuple[str | None, ...]


class HistoryDistribution(Struct, frozen=True, kw_only=True):
    """How the measures lie over all nodes, by their names in the snapshot; some measures have none."""

    measures: dict[str, DistributionValues]


class History(Struct, frozen=True, kw_only=True):
    """Body of ``GET /api/history``: steps of equal length from ``start`` to, not including, ``end``.

    ``distribution`` is of the cluster: ``None`` where nodes are asked for, and where nothing is known.
    """

    start: Timestamp
    end: Timestamp
    step_seconds: Count
    series: tuple[HistorySeries, ...]
    distribution: HistoryDistribution | None


class Problem(Struct, frozen=True, kw_only=True):
    """Body of an error, ``application/problem+json`` (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    #: Present where a program may want to tell it apart from other errors of the same status.
    code: Literal["sign_in_required", "forbidden", "limit_exceeded"] | UnsetType = UNSET


class SessionReport(Struct, frozen=True, kw_only=True):
    """Body of ``GET /api/session``: as whom a request was let in.

    ``user``, ``by`` and ``expires`` are ``None`` where nobody was asked; ``expires`` also where there is no end.
    """

    user: str | None
    by: Literal["session", "token", "proxy"] | None
    scopes: tuple[Scope, ...]
    expires: Timestamp | None
    access: Literal["open", "closed"]


class Published(Struct, frozen=True, kw_only=True):
    """Body of ``POST /api/publish/<channel>``; ``receivers`` counts the replicas that the message was handed to."""

    channel: str
    receivers: Count


def overview(snapshot: Snapshot) -> Overview:
    """Body of ``GET /api/cluster/overview`` for ``snapshot``."""
    stats = snapshot.cluster_stats
    offline = sum(1 for node in snapshot.nodes if node.status == "offline")
    return Overview(
        status=overall_status(online=stats.online_nodes, offline=offline, total=stats.total_nodes),
        cluster_stats=OverviewStats(
            **msgspec.structs.asdict(stats), ready_nodes=stats.online_nodes, down_nodes=offline
        ),
        timestamp=snapshot.timestamp,
    )


def health_report(
    *,
    timestamp: Timestamp,
    version: str,
    cluster_name: str | None,
    redis_down_since: Timestamp | None,
    collector: CollectorReport,
    replicas: Sequence[ReplicaReport],
    functions_missing: str | None = None,
    health: Health | None = None,
) -> HealthReport:
    """Body of ``GET /api/health`` from what the answering process knows; ``health``: the collector's last."""
    redis = RedisReport(
        status="up" if redis_down_since is None else "down",
        down_since=redis_down_since,
        functions_missing=UNSET if functions_missing is None or redis_down_since is not None else functions_missing,
    )
    reasons = tuple(_reasons(redis, collector, replicas, health))
    return HealthReport(
        status="degraded" if reasons else "healthy",
        reasons=reasons,
        timestamp=timestamp,
        version=version,
        cluster_name=cluster_name,
        redis=redis,
        collector=collector,
        websocket=WebsocketReport(
            connected_clients=sum(replica.connected_clients for replica in replicas), replicas=tuple(replicas)
        ),
    )


def _reasons(
    redis: RedisReport, collector: CollectorReport, replicas: Sequence[ReplicaReport], health: Health | None
) -> Iterator[Reason]:
    if redis.status == "down":
        # Of all else nothing is known then.
        yield Reason("redis_down", {"since": redis.down_since}, text="Redis does not answer")
        return
    if redis.functions_missing is not UNSET:
        yield Reason("functions_missing", text=redis.functions_missing)
    if collector.status == "down":
        yield Reason("collector_down", {"age_seconds": collector.age_seconds}, text="No collector publishes rounds")
    if not replicas:
        yield Reason("no_replica", text="No ws replica is there, so nothing is pushed to the pages")
    if collector.status == "up" and health is not None:
        for text, said in zip(health.issues, health.issues_coded, strict=False):
            if said.code in health.degraded:
                yield Reason(said.code, said.args, text=text)
