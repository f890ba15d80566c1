"""Bodies of the REST interface that are not channel messages, and their construction from the data in Redis."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from contract.messages import (
    Argument,
    ClusterStats,
    Coded,
    Count,
    Health,
    Incident,
    LogEntry,
    LogId,
    OverallStatus,
    Severity,
    Snapshot,
    Timestamp,
    overall_status,
)

#: Permission of a token: ``read`` covers pages, REST and push; ``publish`` allows messages on the channels.
Scope = Literal["read", "publish"]


class RedisReport(Struct, frozen=True, kw_only=True):
    """The state of Redis as the api process sees it; ``down_since`` is ``None`` while Redis is up."""

    status: Literal["up", "down"]
    down_since: Timestamp | None
    #: The reason why Redis cannot run the product's functions; absent if it can, or does not answer.
    functions_missing: str | UnsetType = UNSET


class CollectorReport(Struct, frozen=True, kw_only=True):
    """The active collector. ``leader`` is its id; ``None`` without a valid lease.

    ``status`` is ``down`` only while there is no valid lease and rounds are missing. ``age_seconds`` is the age of the
    latest snapshot by Redis's clock; ``None`` without a snapshot.
    """

    status: Literal["up", "down"]
    leader: str | None
    epoch: int | None
    age_seconds: Annotated[float, Meta(ge=0)] | None


class ReplicaReport(Struct, frozen=True, kw_only=True):
    """A live ws replica."""

    replica: str
    connected_clients: Count
    started: Timestamp
    version: str


class WebsocketReport(Struct, frozen=True, kw_only=True):
    """The ws replicas; ``connected_clients`` is the sum of their Engine.IO connections."""

    connected_clients: Count
    replicas: tuple[ReplicaReport, ...]


class Reason(Coded, frozen=True, kw_only=True):
    """A reason for the status ``degraded``: a code for programs, and a text for people."""

    text: str


class HealthReport(Struct, frozen=True, kw_only=True):
    """Body of ``GET /api/health``. ``status`` is ``healthy`` if ``reasons`` is empty.

    The reasons come from the state of Redis, the collector and the ws replicas, as the api process sees them, and from
    the issues that the collector reports about the product.
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
    """The snapshot's figures, and two more for existing pages."""

    ready_nodes: Count
    down_nodes: Count


class Overview(Struct, frozen=True, kw_only=True):
    """Body of ``GET /api/cluster/overview``."""

    status: OverallStatus
    cluster_stats: OverviewStats
    timestamp: Timestamp


class AlertLogPage(Struct, frozen=True, kw_only=True):
    """Body of ``GET /api/alerts/log``: entries in the order of the log.

    ``last_alert_id`` is the position after the last of ``entries``: the parameter ``after`` of the next page.
    """

    entries: tuple[LogEntry, ...]
    last_alert_id: LogId | None


class IncidentsPage(Struct, frozen=True, kw_only=True):
    """Body of ``GET /api/incidents``: incidents, newest first.

    The first page begins with the ongoing incidents, whose ``ended`` is ``None``. All incidents since ``known_since``
    are recorded; ``None`` if none was ever recorded. ``next`` is the parameter ``after`` of the next page; ``None`` on
    the last page.
    """

    incidents: tuple[Incident, ...]
    known_since: Timestamp | None
    next: LogId | None


class HistoryValues(Struct, frozen=True, kw_only=True):
    """One measure over the steps of a ``History``; ``None`` for an unknown value."""

    min: tuple[float | None, ...]
    avg: tuple[float | None, ...]
    max: tuple[float | None, ...]


class HistorySeries(Struct, frozen=True, kw_only=True):
    """One node's measures by their names in the snapshot; ``node`` is ``None`` for the cluster's averages."""

    node: str | None
    measures: dict[str, HistoryValues]


class DistributionValues(Struct, frozen=True, kw_only=True):
    """The distribution of one measure over all nodes, for each step of a ``History``; ``None`` for an unknown value.

    ``max_node`` is the name of the node with the maximum.
    """

    p10: tuple[float | None, ...]
    median: tuple[float | None, ...]
    p90: tuple[float | None, ...]
    max: tuple[float | None, ...]
    max_node: tuple[str | None, ...]


class HistoryDistribution(Struct, frozen=True, kw_only=True):
    """The distributions of the measures over all nodes, by their names in the snapshot. Some measures have none."""

    measures: dict[str, DistributionValues]


class History(Struct, frozen=True, kw_only=True):
    """Body of ``GET /api/history``: steps of equal length from ``start`` to ``end``, which is excluded.

    ``distribution`` belongs to the cluster; ``None`` in a request for nodes, and if it is unknown.
    """

    start: Timestamp
    end: Timestamp
    step_seconds: Count
    series: tuple[HistorySeries, ...]
    distribution: HistoryDistribution | None


class RankedNode(Struct, frozen=True, kw_only=True):
    """A node in a ``HistoryTop``. ``at`` is the start of the step with the maximum; ``None`` for an average."""

    node: str
    value: float
    at: Timestamp | None


class HistoryTop(Struct, frozen=True, kw_only=True):
    """Body of ``GET /api/history/top``: nodes by their average or maximum from ``start`` to ``end``, highest first.

    ``end`` is excluded. Nodes without a value are left out. ``computed_at`` is the time of the newest snapshot when the
    ranking was computed.
    """

    measure: str
    by: Literal["avg", "max"]
    start: Timestamp
    end: Timestamp
    computed_at: Timestamp
    nodes: tuple[RankedNode, ...]


class MomentNode(Struct, frozen=True, kw_only=True):
    """The averages of one node in the step of a ``HistoryMoment``, by the measures' names in the snapshot."""

    node: str
    measures: dict[str, float | None]


class HistoryMoment(Struct, frozen=True, kw_only=True):
    """Body of ``GET /api/history/moment``: the nodes in the step that begins at ``at``, sorted by name.

    Nodes that were not online in this step are left out. ``known_since`` is the start of the oldest step of the
    cluster; ``None`` if there is no history.
    """

    at: Timestamp
    step_seconds: Count
    known_since: Timestamp | None
    nodes: tuple[MomentNode, ...]


class HistoryMark(Struct, frozen=True, kw_only=True):
    """An event on a time axis. ``rule`` and the fields after it belong to alerts; otherwise they are empty."""

    #: Empty for an alert without a node.
    node: str
    at: Timestamp
    kind: Literal["alert_began", "alert_ended", "offline", "online", "reboot"]
    rule: str | None = None
    severity: Severity | None = None
    message: str | None = None
    #: As in ``Alert``.
    code: str | None = None
    args: dict[str, Argument] = {}


class HistoryMarks(Struct, frozen=True, kw_only=True):
    """Body of ``GET /api/history/marks``: events from ``start`` to ``end``, which is excluded; oldest first.

    All events since ``known_since`` are recorded; ``None`` if only alerts are recorded. ``is_complete`` is ``False`` if
    the oldest events of the range are left out.
    """

    start: Timestamp
    end: Timestamp
    known_since: Timestamp | None
    is_complete: bool
    marks: tuple[HistoryMark, ...]


class Problem(Struct, frozen=True, kw_only=True):
    """Body of an error, ``application/problem+json`` (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    #: Present where programs need to distinguish errors of the same status.
    code: Literal["sign_in_required", "forbidden", "limit_exceeded"] | UnsetType = UNSET


class SessionReport(Struct, frozen=True, kw_only=True):
    """Body of ``GET /api/session``: the credential of the request.

    ``user``, ``by`` and ``expires`` are ``None`` without a credential. ``expires`` is also ``None`` if the credential
    never expires.
    """

    user: str | None
    by: Literal["session", "token", "proxy"] | None
    scopes: tuple[Scope, ...]
    expires: Timestamp | None
    access: Literal["open", "closed"]


class Published(Struct, frozen=True, kw_only=True):
    """Body of ``POST /api/publish/<channel>``; ``receivers`` is the number of replicas that got the message."""

    channel: str
    receivers: Count


def overview(snapshot: Snapshot) -> Overview:
    """Return the body of ``GET /api/cluster/overview`` for ``snapshot``."""
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
    """Return the body of ``GET /api/health``; ``health`` is the collector's last message."""
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
        # Without Redis everything else is unknown.
        yield Reason("redis_down", {"since": redis.down_since}, text="Redis does not answer")
        return
    if redis.functions_missing is not UNSET:
        yield Reason("functions_missing", text=redis.functions_missing)
    if collector.status == "down":
        yield Reason("collector_down", {"age_seconds": collector.age_seconds}, text="No collector publishes rounds")
    if not replicas:
        yield Reason("no_replica", text="No ws replica is running, so pages get no live updates")
    if collector.status == "up" and health is not None:
        for text, issue in zip(health.issues, health.issues_coded, strict=False):
            if issue.code in health.degraded:
                yield Reason(issue.code, issue.args, text=text)
