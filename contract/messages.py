"""The messages of the three channels, and their parts.

An unknown value is ``None`` (JSON ``null``), never 0. Writers write every field. Decoding ignores unknown fields, so a
newer writer does not break an older reader. A field with a default is one that older writers do not write.
"""

from typing import Annotated, Literal, Union

from msgspec import Meta, Struct

Percent = Annotated[float, Meta(ge=0, le=100)]
WholePercent = Annotated[int, Meta(ge=0, le=100)]
Count = Annotated[int, Meta(ge=0)]
#: RFC 3339 in UTC, with or without fractions of a second, as every browser's ``Date`` reads it.
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
#: Change of an alert's state. This release writes ``started``, ``pending``, ``firing``, ``changed`` (another severity),
#: ``resolved`` and ``pended``. A reader forwards other values, which a newer collector may write.
Transition = Annotated[
    str, Meta(min_length=1, examples=["started", "pending", "firing", "changed", "resolved", "pended"])
]
#: Names and values of a node's labels, sorted by name; together at most ``LABELS_BYTES``.
Labels = dict[str, str]
#: Most bytes of the labels of one node: their names and values in UTF-8.
LABELS_BYTES = 200


def log_order(position: LogId) -> tuple[int, int]:
    """Return the sort key of a position in the alert log: epoch and number."""
    epoch, number = position.split("-")
    return int(epoch), int(number)


class Coded(Struct, frozen=True):
    """A sentence as a code and arguments, beside its English text. Pages compose it in the reader's language.

    ``contract/golden/codes.json`` has examples of every code. Percent, °C, seconds, bytes and counts are numbers; names
    and paths are strings. A cause is a nested ``Coded``, which has no further ``Coded`` in it.
    """

    code: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    args: dict[str, "Argument"] = {}


# In quotes, because the two types refer to each other.
Argument = Union[str, int, float, None, "Coded"]


class Node(Struct, frozen=True, kw_only=True):
    """One node in a snapshot. Percent and °C have one decimal, load has two, bytes and bytes per second have none."""

    #: Unique and stable name; percent-encoded in URLs.
    node: str
    #: ``host:port`` of the exporter, or ``local``.
    address: str
    role: NodeRole
    status: NodeStatus
    #: ``status == "online"``, for older pages.
    is_healthy: bool
    status_since: Timestamp
    #: The reason why the node is offline, as an English sentence.
    error: str | None
    boot_time: Timestamp | None
    cpu_usage: Percent | None
    cpu_count: Count | None
    load1: Annotated[float, Meta(ge=0)] | None
    memory_usage: Percent | None
    memory_total_bytes: Count | None
    #: Usage of the root file system.
    disk_usage: Percent | None
    disk_total_bytes: Count | None
    #: Hottest sensor, °C.
    temperature: float | None
    network_receive_bytes_per_second: Count | None
    network_transmit_bytes_per_second: Count | None
    disk_read_bytes_per_second: Count | None
    disk_written_bytes_per_second: Count | None
    #: Share of the processors' time that is idle while a task waits for a disk.
    iowait: Percent | None = None
    #: ``None`` on a node without swap.
    swap_usage: Percent | None = None
    #: Share of the time in which some task waits for a disk, or for memory.
    #: Source: kernel, Documentation/accounting/psi.rst, "some"
    pressure_io: WholePercent | None = None
    pressure_memory: WholePercent | None = None
    #: ``error`` as a code with arguments.
    error_coded: Coded | None = None
    labels: Labels = {}


class ClusterStats(Struct, frozen=True, kw_only=True):
    """Figures of the whole cluster. Averages are over the online nodes that have the value."""

    total_nodes: Count
    online_nodes: Count
    avg_cpu: Percent | None
    avg_memory: Percent | None
    avg_disk: Percent | None
    avg_temperature: float | None


class _Message(Struct, frozen=True, kw_only=True):
    """The fields that all three channels share."""

    v: Literal[1] = 1
    cluster: str
    epoch: Epoch
    seq: Seq
    timestamp: Timestamp


class Snapshot(_Message, frozen=True, kw_only=True):
    """Message of ``cluster:metrics``: the cluster in one round. ``nodes`` is sorted by ``node``."""

    interval_seconds: Annotated[float, Meta(gt=0)]
    #: Whether any node is simulated.
    simulated: bool = False
    cluster_stats: ClusterStats
    nodes: tuple[Node, ...]


class Firing(Struct, frozen=True, kw_only=True):
    """Number of firing alerts by severity."""

    critical: Count = 0
    warning: Count = 0
    info: Count = 0


class Health(_Message, frozen=True, kw_only=True):
    """Message of ``cluster:health``: the cluster's status, counts and issues."""

    #: Computed from the share of online nodes; alerts do not count.
    overall_status: OverallStatus
    nodes_online: Count
    nodes_total: Count
    issues: tuple[str, ...]
    #: ``None`` from a collector that does not send it.
    firing: Firing | None = None
    #: ``None`` if no alert fires, and if ``firing`` is ``None``.
    worst_firing_severity: Severity | None = None
    #: ``issues`` as codes with arguments, in the same order; empty from a collector before 0.3.
    issues_coded: tuple[Coded, ...] = ()
    #: Codes of the issues that degrade the product itself, whatever the state of the nodes.
    degraded: tuple[str, ...] = ()


def overall_status(*, online: int, offline: int, total: int) -> OverallStatus:
    """Return the cluster's status. Nodes that were not scraped yet are neither online nor offline.

    ``healthy``: no node is offline. ``warning``: at most half of the nodes are offline. ``critical``: more than half.
    ``unknown``: there are no targets, or no target was scraped yet.
    """
    if online + offline == 0:
        return "unknown"
    if offline == 0:
        return "healthy"
    return "warning" if 2 * offline <= total else "critical"


class Subject(Struct, frozen=True, kw_only=True):
    """What an alert without a node is about."""

    #: This release writes ``group``. A reader forwards other values, which a newer collector may write.
    kind: Annotated[str, Meta(min_length=1, examples=["group", "job", "cluster"])]
    #: Name of a group: ``label=value``.
    name: str


class Alert(Struct, frozen=True, kw_only=True):
    """A pending or firing alert."""

    #: ``rule/node``, ``rule/node/detail``, or ``rule//subject``; the detail is a mount point, for instance.
    id: str
    rule: str
    #: Empty for an alert with a ``subject``.
    node: str
    severity: Severity
    #: Same as ``severity``, for older pages.
    type: Severity
    state: AlertState
    #: Value in the rule's unit; ``None`` for a condition without a measure.
    value: float | None
    message: str
    #: Start of the condition, before the alert was firing.
    since: Timestamp
    #: Worst ``value`` since ``since``.
    peak: float | None = None
    #: ``message`` as a code with arguments, as in ``Coded``; ``None`` from a collector before 0.3.
    code: str | None = None
    args: dict[str, Argument] = {}
    #: How often the alert fired since ``since`` and shortly before; 0 without flapping. A flapping alert stays firing
    #: until its condition has been stable for ten minutes.
    flapping: Count = 0
    #: Whether the alert log has an entry for the alert's start.
    logged: bool = True
    #: Labels of the node when the alert began.
    labels: Labels = {}
    subject: Subject | None = None


class LogEntry(Struct, frozen=True, kw_only=True):
    """One transition of one alert. The transition ``started`` opens an empty log and names no alert.

    A ``pended`` entry stands for ``count`` alerts of one rule and node that were pending since ``since`` and ended
    without firing.
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
    #: Worst ``value`` of the alert up to this transition.
    peak: float | None = None
    #: As in ``Alert``.
    code: str | None = None
    args: dict[str, Argument] = {}
    flapping: Count = 0
    #: Number of alerts for which the entry stands; more than one only for ``pended``.
    count: Count = 1
    #: As in ``Alert``.
    labels: Labels = {}
    subject: Subject | None = None


class Incident(Struct, frozen=True, kw_only=True):
    """A firing alert from its start to its end."""

    #: ``<alert_id>@<began>``.
    id: str
    alert_id: str
    rule: str
    node: str
    #: The last severity, if the rules changed it.
    severity: Severity
    #: Start of the condition, before the alert was firing.
    began: Timestamp
    #: ``None`` while the alert fires.
    ended: Timestamp | None
    #: Worst value in the rule's unit; ``None`` for a condition without a measure.
    peak: float | None
    #: Last message of the alert while it was firing.
    message: str
    #: As in ``Alert``.
    code: str | None = None
    args: dict[str, Argument] = {}
    flapping: Count = 0
    labels: Labels = {}
    subject: Subject | None = None

    @classmethod
    def of(cls, alert: Alert, *, ended: Timestamp | None = None) -> "Incident":
        """Return the incident of a firing alert, or of an alert that was firing until ``ended``."""
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
            labels=alert.labels,
            subject=alert.subject,
        )


class RecentFirings(Struct, frozen=True, kw_only=True):
    """The times at which an alert fired in the last ten minutes, for a collector that takes over.

    For a flapping alert ``fired`` is empty, and the other fields give the real state of its condition.
    """

    id: str
    rule: str
    node: str
    fired: tuple[Timestamp, ...]
    #: Last start or end of the condition.
    changed: Timestamp | None = None
    #: ``None`` while the condition is false.
    state: AlertState | None = None
    #: Start of the condition; ``None`` while it is false.
    since: Timestamp | None = None


class RecentPendings(Struct, frozen=True, kw_only=True):
    """The alerts of one rule and node that ended without firing and have no log entry yet.

    For a collector that takes over. ``count`` may be 0: the last log entry about them is of ``since``.
    """

    rule: str
    node: str
    severity: Severity
    since: Timestamp
    count: Count
    #: Of alerts without a node.
    subject: Subject | None = None


class Alerts(_Message, frozen=True, kw_only=True):
    """Message of ``cluster:alerts``: the active alerts, and the log entries since the previous message."""

    active_alerts: tuple[Alert, ...]
    #: Number of firing alerts. ``active_alerts`` lacks some of them if they do not fit a message.
    alert_count: Count
    entries: tuple[LogEntry, ...]
    #: Log position before ``entries``.
    previous_alert_id: LogId | None
    #: Log position after ``entries``.
    last_alert_id: LogId | None
    #: State of flapping alerts for a collector that takes over; cut at 64 KiB.
    recent_firings: tuple[RecentFirings, ...] = ()
    recent_pendings: tuple[RecentPendings, ...] = ()


#: Patterns of the nodes or alerts that a matcher selects, by key; see ``contract.matchers``.
Patterns = dict[str, tuple[str, ...]]


class RuleOverride(Struct, frozen=True, kw_only=True):
    """Values of a rule for the alerts that ``match``; ``None``: as in the rule."""

    match: Patterns
    threshold: float | None
    clear: float | None
    severity: Severity | None


class RuleInForce(Struct, frozen=True, kw_only=True):
    """An alert rule in force. ``threshold`` and ``clear`` are in the rule's unit, ``None`` without a measure."""

    name: str
    enabled: bool
    severity: Severity
    #: Severity of an alert on the master.
    master_severity: Severity
    #: Time for which the condition must hold before the alert fires.
    for_seconds: Annotated[float, Meta(ge=0)]
    #: Time for which the alert stays after the condition last held.
    keep_seconds: Annotated[float, Meta(ge=0)]
    threshold: float | None
    clear: float | None
    #: Measured field of a node, or ``offline_share``, for a rule of the operator's own; ``None`` for a built-in rule.
    metric: str | None = None
    #: Label by which a rule of ``offline_share`` groups the nodes.
    by: str | None = None
    #: The nodes to which the rule applies; empty: all nodes.
    match: Patterns = {}
    #: The first one that matches counts.
    overrides: tuple[RuleOverride, ...] = ()


class RulesInForce(_Message, frozen=True, kw_only=True):
    """Value of ``cluster:rules``: the alert rules in force, with the operator's changes."""

    rules: tuple[RuleInForce, ...]


class Delta(Struct, frozen=True, kw_only=True):
    """The changes from the snapshot ``base_seq`` to the snapshot ``seq`` of the same epoch.

    ``changed`` holds each changed node with its ``node`` and the changed fields, and each new node with all fields.
    """

    epoch: Epoch
    seq: Seq
    base_seq: Seq
    timestamp: Timestamp
    cluster_stats: ClusterStats
    changed: tuple[dict[str, object], ...]
    removed: tuple[str, ...]
