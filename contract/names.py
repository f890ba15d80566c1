"""Every channel and key of the product in Redis, and who may write and read it.

No other module spells one of these names. ``REDIS_NAMES`` lists all of them; tests compare the documentation with it.
"""

from dataclasses import dataclass
from typing import Final

METRICS_CHANNEL: Final = "cluster:metrics"
HEALTH_CHANNEL: Final = "cluster:health"
ALERTS_CHANNEL: Final = "cluster:alerts"
CHANNELS: Final = (METRICS_CHANNEL, HEALTH_CHANNEL, ALERTS_CHANNEL)

#: Bytes of the alert rules in force; lives as long as the messages under ``latest_key``.
RULES_KEY: Final = "cluster:rules"
ALERT_LOG_KEY: Final = "cluster:alerts:log"
#: Field of a log stream's entry that holds the JSON of a ``LogEntry``.
ALERT_LOG_FIELD: Final = "entry"
#: One record an alert that had fired and has ended; ids are those of the log entries that tell the ends.
INCIDENTS_KEY: Final = "cluster:incidents"
#: Field of an entry that holds the JSON of an ``Incident``.
INCIDENTS_FIELD: Final = "incident"
#: Field of an entry that tells since when all are recorded, a timestamp: the newest entry knows.
INCIDENTS_SINCE_FIELD: Final = "since"
#: What the keys of the metric history begin with.
HISTORY_KEYS: Final = "cluster:history"
#: What the keys of the cluster's distribution begin with: no node's name, as a reader of 0.2 would take it for.
DISTRIBUTION_KEYS: Final = "cluster:distribution"
#: Field of a history stream's entry that holds the JSON of an ``Entry``, or of a ``Distribution``.
HISTORY_FIELD: Final = "entry"
REPLICAS_KEY: Final = "cluster:ws"
#: Replicas whose presence expired though they did not take themselves out of the count, by when it did, ms.
VANISHED_KEY: Final = "cluster:ws:vanished"
LEASE_KEY: Final = "cluster:collector"
EPOCH_KEY: Final = "cluster:collector:epoch"
#: When the last backup was made, in Unix seconds; the script ``backup`` of the image of Redis writes it.
BACKUP_KEY: Final = "cluster:backup"
#: What the image of Redis has cut from the end of its file, for a day: JSON of ``bytes`` and ``at``, in Unix seconds.
CUT_KEY: Final = "cluster:data:cut"
#: JSON of ``free_bytes`` and ``needed_bytes``, for a minute, while the disk of the image of Redis is nearly full.
DISK_KEY: Final = "cluster:data:disk"

#: Tells of each revocation as it is made, in the words of ``access.revocations``; ``RENEWED``: read all anew.
REVOKED_CHANNEL: Final = "cluster:access:revoked"
#: What was revoked, in the order in which it was: who has read the log reads only what is new.
REVOCATION_LOG_KEY: Final = "cluster:access:revocations:log"
#: By what is revoked, the id of its entry in the log: there is one each.
REVOCATION_IDS_KEY: Final = "cluster:access:revocations:ids"
#: The same by the Unix time from which it would not be valid anyway, as 0.1.1 reads and writes it.
REVOCATIONS_KEY: Final = "cluster:access:revocations"
#: Random text of the store's generation: a session of another generation is of a store that was emptied since.
GENERATION_KEY: Final = "cluster:access:generation"
#: Message of ``REVOKED_CHANNEL``: read all of it anew.
RENEWED: Final = "renewed"

#: Seconds that ``cluster:<channel>:latest`` outlives the collector's last message.
LATEST_TTL_SECONDS: Final = 24 * 3600
#: Seconds that a replica's presence outlives its last refresh.
PRESENCE_TTL_SECONDS: Final = 10.0
#: Seconds for which a vanished replica is told of.
VANISHED_SECONDS: Final = 600.0
#: Vanished replicas that are kept, roughly, and read.
VANISHED_LIMIT: Final = 100
#: Seconds between two refreshes of a replica's presence.
PRESENCE_REFRESH_SECONDS: Final = 3.0
#: Milliseconds between two publications by the api, per channel, over all its processes.
REPUBLISH_INTERVAL_MS: Final = 100
#: Entries that the alert log keeps, roughly (streams are trimmed by whole nodes).
ALERT_LOG_LENGTH: Final = 10_000
#: Records of incidents that are kept, roughly, and while Redis is so full that it takes no history.
INCIDENTS_LENGTH: Final = 20_000
INCIDENTS_LENGTH_WHEN_FULL: Final = 1000
#: Bytes above which a message on a channel is dropped.
MESSAGE_LIMIT_BYTES: Final = 3 * 1024 * 1024


def latest_key(channel: str) -> str:
    """Key of the bytes of the collector's last message on ``channel``."""
    return f"{channel}:latest"


def history_key(step_seconds: int | str, node: str) -> str:
    """Key of the stream of ``node``'s entries of one step; ids are ``<start of the step, Unix ms>-<epoch>``."""
    return f"{HISTORY_KEYS}:{step_seconds}:{node}"


def distribution_key(step_seconds: int | str) -> str:
    """Key of the stream of the cluster's distributions of one step; ids as of ``history_key``."""
    return f"{DISTRIBUTION_KEYS}:{step_seconds}"


def replica_key(replica: str) -> str:
    """Key of the hash in which the ws replica of that id presents itself."""
    return f"{REPLICAS_KEY}:{replica}"


def republished_key(channel: str) -> str:
    """Key whose life time limits how often the api publishes on ``channel``."""
    return f"cluster:api:published:{channel}"


def delay_key(kind: str, who: str) -> str:
    """Key of the sign-ins that one ``kind`` counts; ``who`` is a digest of whose they are."""
    return f"cluster:access:delay:{kind}:{who}"


def lease_ttl_seconds(interval_seconds: float) -> float:
    """Life time of the collector's lease for one scrape interval."""
    return max(3.0, 1.5 * interval_seconds)


def overdue_seconds(interval_seconds: float) -> float:
    """Age of a snapshot above which rounds are missing."""
    return 2 * interval_seconds + 2


@dataclass(frozen=True)
class RedisName:
    """One row of the Redis contract."""

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
