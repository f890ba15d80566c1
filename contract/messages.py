"""The messages of the three channels, and what they are made of.

What is not known is ``None`` (JSON ``null``), never 0; every field is always written. Decoding ignores fields that are
not named here, so that a newer writer does not break an older reader; a field with a default here is one that an older
writer does not write.
"""

from typing import Annotated, Literal, Union

from msgspec import Meta, Struct

Percent = Annotated[float, Meta(ge=0, le=100)]
WholePercent = Annotated[int, Meta(ge=0, le=100)]
Count = Annotated[int, Meta(ge=0)]
#: RFC 3339 in UTC with milliseconds or without, as every browser's ``Date`` reads it.
Timestamp = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$")]
#: Position in the alert log: ``<epoch>-<n>``.
LogId = Annotated[str, Meta(pattern=r"^\d{1,15}-\d{1,15}$")]
#: Increases with every collector that takes the lease.
Epoch = Annotated[int, Meta(ge=0, le=2**53 - 1)]
#: Increases by one with every round within an epoch.
Seq = Annotated[int, Meta(ge=0, le=2**53 - 1)]

NodeStatus = Literal["online", "offline", "unknown"]
NodeRole = Literal["worker", "master"]
OverallStatus = Literal["healthy", "warning", "critical", "unknown"]
Severity = Literal["info", "warning", "critical"]
AlertState = Literal["pending", "firing"]
#: What happened to an alert. This release writes ``started``, ``pending``, ``firing``, ``resolved`` and ``pended``; a
#: reader passes any other on, which a newer collector may write.
Transition = Annotated[str, Meta(min_length=1, examples=["started", "pending", "firing", "resolved", "pended"])]


def log_order(position: LogId) -> tuple[int, int]:
    """Epoch and number of a position, by which entries stand in the alert log."""
    epoch, number = position.split("-")
    return int(epoch), int(number)


class Coded(Struct, frozen=True):
    """A sentence for programs, beside its English text: pages make one of it in their language.

    ``contract/golden/codes.json`` has examples of every code. Arguments are raw: percent, °C, seconds, bytes and counts
    are numbers, names and paths are texts, and a cause is a ``Coded`` that has none in it.
    """

    code: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    args: dict[str, "Argument"] = {}


# With quotes, since the two name each other.
Argument = Union[str, int, float, None, "Coded"]


class Node(Struct, frozen=True, kw_only=True):
    """One node in a snapshot. Percent to 0.1, °C to 0.1, load to 0.01, bytes and bytes per second whole."""

    #: Unique and stable name; percent-encoded where it stands in a URL.
    node: str
    #: ``host:port`` of the exporter, or ``local``.
    address: str
    role: NodeRole
    status: NodeStatus
    #: ``status == "online"``, for pages older than ``status``.
    is_healthy: bool
    status_since: Timestamp
    #: Why the node is offline, as a sentence for people.
    error: str | None
    boot_time: Timestamp | None
    cpu_usage: Percent | None
    cpu_count: Count | None
    load1: Annotated[float, Meta(ge=0)] | None
    memory_usage: Percent | None
    memory_total_bytes: Count | None
    #: Of the root file system.
    disk_usage: Percent | None
    disk_total_bytes: Count | None
    #: Of the hottest sensor, °C.
    temperature: float | None
    network_receive_bytes_per_second: Count | None
    network_transmit_bytes_per_second: Count | None
    disk_read_bytes_per_second: Count | None
    disk_written_bytes_per_second: Count | None
    #: Of the processors' time: idle, and a task waits for a disk.
    iowait: Percent | None = None
    #: ``None`` without swap.
    swap_usage: Percent | None = None
    #: Of the time: some task waits for a disk, or for memory. Source: kernel, Documentation/accounting/psi.rst, "some"
    pressure_io: WholePercent | None = None
    pressure_memory: WholePercent | None = None
    #: What ``error`` says.
    error_coded: Coded | None = None


class ClusterStats(Struct, frozen=True, kw_only=True):
    """Figures over all nodes; averages over the online nodes that know the value."""

    total_nodes: Count
    online_nodes: Count
    avg_cpu: Percent | None
    avg_memory: Percent | None
    avg_disk: Percent | None
    avg_temperature: float | None


class _Message(Struct, frozen=True, kw_only=True):
    """What the messages of all three channels begin with."""

    v: Literal[1] = 1
    cluster: str
    epoch: Epoch
    seq: Seq
    timestamp: Timestamp


class Snapshot(_Message, frozen=True, kw_only=True):
    """``cluster:metrics``: the whole cluster in one round. ``nodes`` is sorted by ``node``."""

    interval_seconds: Annotated[float, Meta(gt=0)]
    #: Whether any of the nodes is a simulated one.
    simulated: bool = False
    cluster_stats: ClusterStats
    nodes: tuple[Node, ...]


class Firing(Struct, frozen=True, kw_only=True):
    """How many alerts are firing, by severity."""

    critical: Count = 0
    warning: Count = 0
    info: Count = 0


class Health(_Message, frozen=True, kw_only=True):
    """``cluster:health``: how the cluster is, in a word, figures and texts."""

    #: By the share of nodes that are online, whatever alerts fire.
    overall_status: OverallStatus
    nodes_online: Count
    nodes_total: Count
    issues: tuple[str, ...]
    #: ``None`` where an older collector does not tell it.
    firing: Firing | None = None
    #: ``None`` where nothing fires, and where ``firing`` is ``None``.
    worst_firing_severity: Severity | None = None
    #: What each of ``issues`` says, in the same order; empty from a collector before 0.3.
    issues_coded: tuple[Coded, ...] = ()
    #: Codes of those of the issues by which the product itself is degraded, whatever the nodes are.
    degraded: tuple[str, ...] = ()


def overall_status(*, online: int, offline: int, total: int) -> OverallStatus:
    """Return the cluster's health as one word; nodes that were not scraped yet are neither online nor offline.

    ``healthy``: none offline; ``warning``: at most half offline; ``critical``: more; ``unknown``: no targets, or none
    scraped yet.
    """
    if online + offline == 0:
        return "unknown"
    if offline == 0:
        return "healthy"
    return "warning" if 2 * offline <= total else "critical"


class Alert(Struct, frozen=True, kw_only=True):
    """An alert that is pending or firing."""

    #: ``rule/node``, or ``rule/node/detail`` (a mount point, for instance).
    id: str
    rule: str
    node: str
    severity: Severity
    #: Equal to ``severity``, for older pages.
    type: Severity
    state: AlertState
    #: In the rule's unit; ``None`` for a condition without a measure.
    value: float | None
    message: str
    #: When the condition began, its time as pending included.
    since: Timestamp
    #: The worst ``value`` since then.
    peak: float | None = None
    #: What ``message`` says, as in ``Coded``; ``None`` from a collector before 0.3.
    code: str | None = None
    args: dict[str, Argument] = {}
    #: How often it fired since ``since`` and shortly before; 0 for an alert that does not flap. One that flaps fires
    #: until its condition has not changed for ten minutes.
    flapping: Count = 0
    #: Whether the alert log tells that it began.
    logged: bool = True


class LogEntry(Struct, frozen=True, kw_only=True):
    """One transition of one alert; ``started`` opens an empty log and names no alert.

    ``pended`` stands for alerts of one rule and node that were pending since ``since``, and ended without firing: how
    many there were is ``count``.
    """

    id: LogId
    timestamp: Timestamp
    transition: Transition
    alert_id: str | None
    rule: str | None
    node: str | None
    severity: Severity | None
    value: float | None
    message: str
    since: Timestamp | None
    #: The alert's worst ``value`` until then.
    peak: float | None = None
    #: As in ``Alert``.
    code: str | None = None
    args: dict[str, Argument] = {}
    flapping: Count = 0
    #: How many alerts the entry stands for; more than one only of ``pended``.
    count: Count = 1


class Incident(Struct, frozen=True, kw_only=True):
    """One alert that fired, from its beginning to its end."""

    #: ``<alert_id>@<began>``.
    id: str
    alert_id: str
    rule: str
    node: str
    #: The last one, where the rules changed it.
    severity: Severity
    #: When the condition began, its time as pending included.
    began: Timestamp
    #: ``None`` while the alert fires.
    ended: Timestamp | None
    #: The worst value in the rule's unit; ``None`` for a condition without a measure.
    peak: float | None
    #: What the alert said last while it lasted.
    message: str
    #: As in ``Alert``.
    code: str | None = None
    args: dict[str, Argument] = {}
    flapping: Count = 0

    @classmethod
    def of(cls, alert: Alert, *, ended: Timestamp | None = None) -> "Incident":
        """Return the incident of an alert that fires, or that fired until ``ended``."""
        return cls(
            id=f"{alert.id}@{alert.since}",
            alert_id=alert.id,
            rule=alert.rule,
            node=alert.node,
            severity=alert.severity,
            began=alert.since,
            ended=ended,
            peak=alert.peak,
            message=alert.message,
            code=alert.code,
            args=alert.args,
            flapping=alert.flapping,
        )


class RecentFirings(Struct, frozen=True, kw_only=True):
    """When an alert fired in the last ten minutes; for the collector that takes over.

    Of an alert that flaps, ``fired`` is empty, and the other fields say how its condition really is.
    """

    id: str
    rule: str
    node: str
    fired: tuple[Timestamp, ...]
    #: When the condition last began or ended.
    changed: Timestamp | None = None
    #: ``None`` while the condition does not hold.
    state: AlertState | None = None
    #: When the condition began, likewise.
    since: Timestamp | None = None


class RecentPendings(Struct, frozen=True, kw_only=True):
    """Alerts of one rule and node that ended without firing, and that the log does not tell yet.

    For the collector that takes over. ``count`` may be 0: none since ``since``, when the log told of one.
    """

    rule: str
    node: str
    severity: Severity
    since: Timestamp
    count: Count


class Alerts(_Message, frozen=True, kw_only=True):
    """``cluster:alerts``: what is active, and the log since the message before."""

    active_alerts: tuple[Alert, ...]
    #: How many alerts are firing; ``active_alerts`` lacks some of them where they are too long for a message.
    alert_count: Count
    entries: tuple[LogEntry, ...]
    #: Position in the log before ``entries``.
    previous_alert_id: LogId | None
    #: Position in the log after ``entries``.
    last_alert_id: LogId | None
    #: What the next collector has to know so that flapping goes on; as much of it as 64 KiB hold.
    recent_firings: tuple[RecentFirings, ...] = ()
    recent_pendings: tuple[RecentPendings, ...] = ()


class RuleInForce(Struct, frozen=True, kw_only=True):
    """One alert rule as it is applied; ``threshold`` and ``clear`` in the rule's unit, ``None`` without a measure."""

    name: str
    enabled: bool
    severity: Severity
    #: Of an alert of the master.
    master_severity: Severity
    #: How long the condition lasts before the alert fires.
    for_seconds: Annotated[float, Meta(ge=0)]
    #: How long the alert stays after the condition was last seen.
    keep_seconds: Annotated[float, Meta(ge=0)]
    threshold: float | None
    clear: float | None


class RulesInForce(_Message, frozen=True, kw_only=True):
    """``cluster:rules``: the alert rules that the collector applies, the user's changes included."""

    rules: tuple[RuleInForce, ...]


class Delta(Struct, frozen=True, kw_only=True):
    """The step from the snapshot at ``base_seq`` to the one at ``seq`` of the same epoch.

    ``changed`` holds, for every node that changed, its ``node`` and only the changed fields; a new node whole.
    """

    epoch: Epoch
    seq: Seq
    base_seq: Seq
    timestamp: Timestamp
    cluster_stats: ClusterStats
    changed: tuple[dict[str, object], ...]
    removed: tuple[str, ...]
