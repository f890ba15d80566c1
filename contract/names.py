"""Every channel and key of the product in Redis, with its writers and readers.

No other module spells one of these names. ``REDIS_NAMES`` lists all of them; tests compare the documentation with it.
"""

from dataclasses import dataclass
from typing import Final

METRICS_CHANNEL: Final = "cluster:metrics"
HEALTH_CHANNEL: Final = "cluster:health"
ALERTS_CHANNEL: Final = "cluster:alerts"
CHANNELS: Final = (METRICS_CHANNEL, HEALTH_CHANNEL, ALERTS_CHANNEL)

#: The alert rules in force, as JSON; expires with the messages under ``latest_key``.
RULES_KEY: Final = "cluster:rules"
ALERT_LOG_KEY: Final = "cluster:alerts:log"
#: Field of a stream entry that holds the JSON of a ``LogEntry``.
ALERT_LOG_FIELD: Final = "entry"
#: One record for each ended incident. Its id is that of the log entry with the end.
INCIDENTS_KEY: Final = "cluster:incidents"
#: Field of a stream entry that holds the JSON of an ``Incident``.
INCIDENTS_FIELD: Final = "incident"
#: Field with the time since which all incidents are recorded; the newest entry that has it counts.
INCIDENTS_SINCE_FIELD: Final = "since"
#: One record for each time at which a node went offline, came online or booted. Ids are ``<epoch>-<n>``.
NODE_EVENTS_KEY: Final = "cluster:node-events"
#: Field of a stream entry that holds the JSON of a ``NodeEvent``.
NODE_EVENTS_FIELD: Final = "event"
#: Field with the time since which all node events are recorded; the newest entry counts.
NODE_EVENTS_SINCE_FIELD: Final = "since"
#: Prefix of the metric history's keys.
HISTORY_KEYS: Final = "cluster:history"
#: Prefix of the keys of the cluster's distribution. A separate prefix, because 0.2 would read it as a node's name.
DISTRIBUTION_KEYS: Final = "cluster:distribution"
#: Field of a stream entry that holds the JSON of a ``HistoryEntry`` or ``Distribution``.
HISTORY_FIELD: Final = "entry"
REPLICAS_KEY: Final = "cluster:ws"
#: Replicas whose presence expired without a clean stop, with the time of expiry in Unix ms as the score.
VANISHED_KEY: Final = "cluster:ws:vanished"
LEASE_KEY: Final = "cluster:collector"
EPOCH_KEY: Final = "cluster:collector:epoch"
#: Unix time of the last backup; the script ``backup`` of the Redis image writes it.
BACKUP_KEY: Final = "cluster:backup"
#: Bytes that the Redis image has cut from the end of its damaged file, kept for a day: JSON of ``bytes`` and ``at``
#: (Unix time).
CUT_KEY: Final = "cluster:data:cut"
#: JSON of ``free_bytes`` and ``needed_bytes``, kept for a minute, while the disk of the Redis image is nearly full.
DISK_KEY: Final = "cluster:data:disk"

#: Announces each revocation in the text form of ``access.revocations``, or ``RENEWED``: read all of them again.
REVOKED_CHANNEL: Final = "cluster:access:revoked"
#: Revocations in order of time. A reader that knows its position reads only the new ones.
REVOCATION_LOG_KEY: Final = "cluster:access:revocations:log"
#: Id of the log entry for each revoked subject.
REVOCATION_IDS_KEY: Final = "cluster:access:revocations:ids"
#: Revocations scored by the Unix time at which the revoked grants expire, for release 0.1.1.
REVOCATIONS_KEY: Final = "cluster:access:revocations"
#: Random text, new in each emptied store. Sessions of another generation are invalid.
GENERATION_KEY: Final = "cluster:access:generation"
#: Message of ``REVOKED_CHANNEL``: read all revocations again.
RENEWED: Final = "renewed"

#: Life time of ``cluster:<channel>:latest`` after the collector's last message.
LATEST_TTL_SECONDS: Final = 24 * 3600
#: Life time of a replica's presence after its last refresh.
PRESENCE_TTL_SECONDS: Final = 10.0
#: Seconds for which a vanished replica is reported.
VANISHED_SECONDS: Final = 600.0
#: Most vanished replicas that are kept (approximately) and read.
VANISHED_LIMIT: Final = 100
#: Seconds between two refreshes of a replica's presence.
PRESENCE_REFRESH_SECONDS: Final = 3.0
#: Milliseconds between two publications by the api on one channel, over all its processes.
REPUBLISH_INTERVAL_MS: Final = 100
#: Approximate length of the alert log; Redis trims streams by whole blocks.
ALERT_LOG_LENGTH: Final = 10_000
#: Approximate number of kept incidents, and the number while Redis is too full for history.
INCIDENTS_LENGTH: Final = 20_000
INCIDENTS_LENGTH_WHEN_FULL: Final = 1000
#: Approximate number of kept node events.
NODE_EVENTS_LENGTH: Final = 20_000
#: Largest message on a channel in bytes; larger ones are dropped.
MESSAGE_LIMIT_BYTES: Final = 3 * 1024 * 1024


def latest_key(channel: str) -> str:
    """Key of the collector's last message on ``channel``."""
    return f"{channel}:latest"


def history_key(step_seconds: int | str, node: str) -> str:
    """Key of ``node``'s history stream at one resolution. Entry ids are ``<start of the step in Unix ms>-<epoch>``."""
    return f"{HISTORY_KEYS}:{step_seconds}:{node}"


def distribution_key(step_seconds: int | str) -> str:
    """Key of the stream of the cluster's distributions at one resolution, with ids as in ``history_key``."""
    return f"{DISTRIBUTION_KEYS}:{step_seconds}"


def replica_key(replica: str) -> str:
    """Key of the hash with a ws replica's presence."""
    return f"{REPLICAS_KEY}:{replica}"


def republished_key(channel: str) -> str:
    """Key whose life time limits the api's rate of publications on ``channel``."""
    return f"cluster:api:published:{channel}"


def delay_key(kind: str, who: str) -> str:
    """Key of the attempts to sign in that one limit counts; ``who`` is a digest of user, address or browser."""
    return f"cluster:access:delay:{kind}:{who}"


def lease_ttl_seconds(interval_seconds: float) -> float:
    """Life time of the collector's lease for a scrape interval."""
    return max(3.0, 1.5 * interval_seconds)


def overdue_seconds(interval_seconds: float) -> float:
    """Age of a snapshot above which it counts as overdue."""
    return 2 * interval_seconds + 2


@dataclass(frozen=True)
class RedisName:
    """A channel or key, with its writers and readers."""

    pattern: str
    kind: str
    written_by: tuple[str, ...]
    read_by: tuple[str, ...]


REDIS_NAMES: Final = (
    RedisName(METRICS_CHANNEL, "channel", ("collector", "api", "publisher"), ("ws",)),
    RedisName(HEALTH_CHANNEL, "channel", ("collector", "api", "publisher"), ("ws",)),
    RedisName(ALERTS_CHANNEL, "channel", ("collector", "api", "publisher"), ("ws",)),
    RedisName(latest_key(METRICS_CHANNEL), "string", ("collector",), ("collector", "api", "ws")),
    RedisName(latest_key(HEALTH_CHANNEL), "string", ("collector",), ("collector", "api", "ws")),
    RedisName(latest_key(ALERTS_CHANNEL), "string", ("collector",), ("collector", "api", "ws")),
    RedisName(RULES_KEY, "string", ("collector",), ("api",)),
    RedisName(ALERT_LOG_KEY, "stream", ("collector",), ("collector", "api", "ws")),
    RedisName(INCIDENTS_KEY, "stream", ("collector",), ("api",)),
    RedisName(NODE_EVENTS_KEY, "stream", ("collector",), ("api",)),
    RedisName(history_key("<step>", "<node>"), "stream", ("collector",), ("api",)),
    RedisName(distribution_key("<step>"), "stream", ("collector",), ("api",)),
    RedisName(REPLICAS_KEY, "sorted set", ("ws",), ("api", "ws")),
    RedisName(replica_key("<replica>"), "hash", ("ws",), ("api", "ws")),
    RedisName(VANISHED_KEY, "sorted set", ("ws",), ("collector",)),
    RedisName(LEASE_KEY, "hash", ("collector",), ("api", "ws")),
    RedisName(EPOCH_KEY, "hash", ("collector",), ()),
    RedisName(BACKUP_KEY, "string", ("operator",), ("collector",)),
    RedisName(CUT_KEY, "string", ("operator",), ("collector",)),
    RedisName(DISK_KEY, "string", ("operator",), ("collector",)),
    RedisName(republished_key("<channel>"), "string", ("api",), ("api",)),
    RedisName(REVOKED_CHANNEL, "channel", ("api",), ("ws",)),
    RedisName(REVOCATION_LOG_KEY, "stream", ("api",), ("api", "ws")),
    RedisName(REVOCATION_IDS_KEY, "hash", ("api",), ("api",)),
    RedisName(REVOCATIONS_KEY, "sorted set", ("api",), ("api", "ws")),
    RedisName(GENERATION_KEY, "string", ("api",), ("api", "ws")),
    RedisName(delay_key("<kind>", "<who>"), "hash", ("api",), ("api",)),
)
