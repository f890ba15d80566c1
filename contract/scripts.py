"""The Lua scripts, their arguments and their replies. This module does no input or output.

Each ``…_call`` returns ``(keys, args)`` for ``runtime.functions``, for blocking and asyncio clients.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, NamedTuple

from contract.history import Resolution
from contract.library import Script
from contract.messages import Timestamp
from contract.names import (
    ALERT_LOG_FIELD,
    ALERT_LOG_KEY,
    ALERT_LOG_LENGTH,
    EPOCH_KEY,
    HISTORY_FIELD,
    INCIDENTS_FIELD,
    INCIDENTS_KEY,
    INCIDENTS_LENGTH,
    INCIDENTS_SINCE_FIELD,
    LATEST_TTL_SECONDS,
    LEASE_KEY,
    NODE_EVENTS_FIELD,
    NODE_EVENTS_KEY,
    NODE_EVENTS_LENGTH,
    NODE_EVENTS_SINCE_FIELD,
    PRESENCE_TTL_SECONDS,
    REPLICAS_KEY,
    REPUBLISH_INTERVAL_MS,
    RULES_KEY,
    VANISHED_KEY,
    VANISHED_LIMIT,
    VANISHED_SECONDS,
    distribution_key,
    history_key,
    latest_key,
    lease_ttl_seconds,
    replica_key,
    republished_key,
)

Call = tuple[list[str], list[str | bytes | int | float]]
PublishOutcome = Literal["published", "lost", "fenced", "repeated"]
RecordOutcome = Literal["recorded", "lost", "fenced"]


TAKE_LEASE: Final = Script("take_lease")
PUBLISH_ROUND: Final = Script("publish_round")
RECORD_HISTORY: Final = Script("record_history")
RECORD_NODE_EVENTS: Final = Script("record_node_events")
RELEASE_LEASE: Final = Script("release_lease")
REPUBLISH: Final = Script("republish")
PRESENT_REPLICA: Final = Script("present_replica")

#: Streams that one call of ``RECORD_HISTORY`` may rewrite. Each rewrite takes about a millisecond.
MAX_STREAM_REWRITES: Final = 10


@dataclass(frozen=True)
class Lease:
    """The lease of one collector."""

    id: str
    cluster: str
    interval_seconds: float

    @property
    def ttl_ms(self) -> int:
        """Life time of the lease in Redis."""
        return round(lease_ttl_seconds(self.interval_seconds) * 1000)


@dataclass(frozen=True)
class LeaseReply:
    """Reply of ``TAKE_LEASE``.

    ``taken``: this collector has the lease, with a new ``epoch``. ``held``: another collector of the same cluster has
    the lease. ``foreign``: a collector of another cluster has the lease. ``holder`` and ``holder_cluster`` identify the
    collector that has the lease now.
    """

    outcome: Literal["taken", "held", "foreign"]
    epoch: int
    holder: str
    holder_cluster: str
    log_is_empty: bool


@dataclass(frozen=True)
class Publication:
    """One round as encoded bytes: messages by channel, log entries by id, rules and incidents.

    An entry that is already in the log, after an attempt without a reply, may be repeated: the script recognises it.
    """

    lease: Lease
    epoch: int
    seq: int
    messages: dict[str, bytes]
    entries: tuple[tuple[str, bytes], ...] = ()
    #: The rules in force; ``None`` if this round does not publish them.
    rules: bytes | None = None
    #: Ended incidents by the id of the log entry with the end.
    incidents: Mapping[str, bytes] = field(default_factory=dict)
    #: Time since which all incidents are recorded, if the stream lacks it; ``None``: this round records no incidents.
    incidents_since: Timestamp | None = None
    incidents_length: int = INCIDENTS_LENGTH

    def without_optional_parts(self) -> "Publication":
        """Return the round with only the parts that every release writes."""
        return replace(self, rules=None, incidents={}, incidents_since=None)


def take_lease_call(lease: Lease, last_epoch: int) -> Call:
    """Arguments of ``TAKE_LEASE``; ``last_epoch`` is the last epoch of this process, 0 without one."""
    return [LEASE_KEY, EPOCH_KEY, ALERT_LOG_KEY], [lease.id, lease.cluster, lease.ttl_ms, last_epoch]


def take_lease_reply(raw: list[Any]) -> LeaseReply:
    """Parse the reply of ``TAKE_LEASE``."""
    outcome, epoch, holder, holder_cluster, empty = raw
    return LeaseReply(_str(outcome), int(epoch), _str(holder), _str(holder_cluster), bool(empty))  # type: ignore[arg-type]


def publish_round_call(publication: Publication) -> Call:
    """Arguments of ``PUBLISH_ROUND``."""
    lease = publication.lease
    kept = [(latest_key(channel), channel, message) for channel, message in publication.messages.items()]
    if publication.rules is not None:
        kept.append((RULES_KEY, "", publication.rules))
    keys = [LEASE_KEY, EPOCH_KEY, ALERT_LOG_KEY, *(key for key, _, _ in kept)]
    if publication.incidents_since is not None:
        keys.append(INCIDENTS_KEY)
    args: list[str | bytes | int | float] = [
        lease.id,
        lease.cluster,
        publication.epoch,
        publication.seq,
        lease.ttl_ms,
        LATEST_TTL_SECONDS * 1000,
        ALERT_LOG_LENGTH,
        ALERT_LOG_FIELD,
        len(kept),
        publication.incidents_length,
        INCIDENTS_FIELD,
        INCIDENTS_SINCE_FIELD,
        publication.incidents_since or "",
    ]
    for _, channel, message in kept:
        args += [channel, message]
    for entry_id, entry in publication.entries:
        args += [entry_id, entry, publication.incidents.get(entry_id, b"")]
    return keys, args


def publish_round_reply(raw: bytes | str) -> PublishOutcome:
    """Parse the reply of ``PUBLISH_ROUND``.

    ``lost``: no epoch is stored, so the collector must take the lease again. ``fenced``: another collector has the
    lease. ``repeated``: this round or a later one was already published.
    """
    return _str(raw)  # type: ignore[return-value]


class HistoryRecord(NamedTuple):
    """One encoded entry of the metric history, with its resolution, node and start of the step.

    ``node`` is ``None`` for the distribution of the cluster.
    """

    resolution: Resolution
    node: str | None
    start_seconds: int
    entry: bytes

    @property
    def key(self) -> str:
        """Key of the entry's stream."""
        seconds = self.resolution.seconds
        return distribution_key(seconds) if self.node is None else history_key(seconds, self.node)


@dataclass(frozen=True)
class RecordReply:
    """Reply of ``RECORD_HISTORY``.

    ``lost``: no epoch is stored. ``fenced``: another collector has the lease. The first ``processed`` records are done;
    ``refused`` of them belong to a key with another type of value.
    """

    outcome: RecordOutcome
    processed: int
    refused: int


def record_history_call(epoch: int, records: Sequence[HistoryRecord]) -> Call:
    """Arguments of ``RECORD_HISTORY``. A record that Redis already has may be repeated: the script recognises it."""
    keys = [EPOCH_KEY, *(record.key for record in records)]
    args: list[str | bytes | int | float] = [epoch, HISTORY_FIELD, MAX_STREAM_REWRITES]
    for record in records:
        args += [record.start_seconds * 1000, record.resolution.retention_seconds * 1000, record.entry]
    return keys, args


def record_history_reply(raw: list[Any]) -> RecordReply:
    """Parse the reply of ``RECORD_HISTORY``."""
    outcome, processed, refused = raw
    return RecordReply(_str(outcome), int(processed), int(refused))  # type: ignore[arg-type]


class NodeEventBatch(NamedTuple):
    """Consecutive encoded ``NodeEvent`` s of one epoch; ``before`` is the number of the last event before them.

    ``continues`` is the epoch whose collector saw the events before these; 0 if some of those are lost. ``since`` is
    the time since which this batch and later ones have all events.
    """

    before: int
    continues: int
    since: Timestamp
    events: Sequence[bytes]


def record_node_events_call(epoch: int, batch: NodeEventBatch) -> Call:
    """Arguments of ``RECORD_NODE_EVENTS``. A batch that Redis already has may be repeated."""
    args: list[str | bytes | int | float] = [epoch, batch.before, batch.continues, batch.since, NODE_EVENTS_LENGTH]
    args += [NODE_EVENTS_FIELD, NODE_EVENTS_SINCE_FIELD, *batch.events]
    return [EPOCH_KEY, NODE_EVENTS_KEY], args


def record_node_events_reply(raw: bytes | str) -> RecordOutcome:
    """Parse the reply of ``RECORD_NODE_EVENTS``; the outcomes are those of ``RecordReply``."""
    return _str(raw)  # type: ignore[return-value]


def release_lease_call(lease: Lease) -> Call:
    """Arguments of ``RELEASE_LEASE``."""
    return [LEASE_KEY], [lease.id]


@dataclass(frozen=True)
class RepublishReply:
    """Reply of ``REPUBLISH``: the stored message, its age, and the wait until the next publication.

    ``message`` is ``None`` if no message is stored. ``wait_seconds`` is 0 if the message was published.
    """

    message: bytes | None
    age_seconds: float | None
    wait_seconds: float


def republish_call(channel: str) -> Call:
    """Arguments of ``REPUBLISH``."""
    return [republished_key(channel)], [channel, latest_key(channel), REPUBLISH_INTERVAL_MS]


def republish_reply(raw: list[Any]) -> RepublishReply:
    """Parse the reply of ``REPUBLISH``, from a client that does not decode responses."""
    message, ttl_ms, wait_ms = raw
    if message is None:
        return RepublishReply(None, None, 0.0)
    return RepublishReply(message, age_seconds(int(ttl_ms)), max(0, int(wait_ms)) / 1000)


def age_seconds(ttl_ms: int) -> float | None:
    """Return the age of a ``:latest`` key from its remaining life time, which PTTL reports.

    ``None`` if the key does not exist.
    """
    if ttl_ms < 0:
        return None
    return max(0, LATEST_TTL_SECONDS * 1000 - ttl_ms) / 1000


def present_replica_call(replica: str, fields: dict[str, str | int]) -> Call:
    """Arguments of ``PRESENT_REPLICA``; ``fields`` become the replica's hash."""
    args: list[str | bytes | int | float] = [replica]
    args += [round(PRESENCE_TTL_SECONDS * 1000), round(VANISHED_SECONDS * 1000), VANISHED_LIMIT]
    for name, value in fields.items():
        args += [name, value]
    return [REPLICAS_KEY, replica_key(replica), VANISHED_KEY], args


def _str(raw: bytes | str) -> str:
    return raw.decode() if isinstance(raw, bytes) else raw
