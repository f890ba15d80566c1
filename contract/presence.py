"""The presence of ws replicas in Redis, and how the live collector and replicas are read from Redis."""

from typing import Any, Final, Protocol, Self

from msgspec import Struct
from msgspec.structs import replace

from contract.messages import Count, Timestamp
from contract.names import LEASE_KEY, METRICS_CHANNEL, REPLICAS_KEY, latest_key, overdue_seconds, replica_key
from contract.rest import CollectorReport, ReplicaReport
from contract.scripts import age_seconds

#: Most replicas that are read. A compromised replica could write any number into the index.
REPLICAS_LIMIT: Final = 1000


class RedisReader(Protocol):
    """The methods of a blocking Redis client that this module uses."""

    def zrange(self, name: str, start: int, end: int) -> Any: ...  # noqa: D102
    def pipeline(self, transaction: bool = ...) -> Any: ...  # noqa: D102


class ReplicaPresence(Struct, frozen=True, kw_only=True):
    """The hash ``cluster:ws:<replica>``. Each process start has a new id."""

    replica: str
    #: Engine.IO connections of this replica.
    connected_clients: Count
    started: Timestamp
    version: str
    #: Messages received from channels since the start.
    messages: Count
    #: Events sent to clients since the start.
    deliveries: Count

    def fields(self) -> dict[str, str | int]:
        """Return the fields of the hash; the id is in the key."""
        return {
            "connected_clients": self.connected_clients,
            "started": self.started,
            "version": self.version,
            "messages": self.messages,
            "deliveries": self.deliveries,
        }

    @classmethod
    def from_fields(cls, replica: str, fields: dict[bytes, bytes]) -> Self:
        """Parse the fields of the hash.

        Raises:
            KeyError, ValueError: a field is missing or invalid.
        """
        return cls(
            replica=replica,
            connected_clients=int(fields[b"connected_clients"]),
            started=fields[b"started"].decode(),
            version=fields[b"version"].decode(),
            messages=int(fields[b"messages"]),
            deliveries=int(fields[b"deliveries"]),
        )


def read_replicas(redis: RedisReader) -> list[ReplicaReport]:
    """Return at most ``REPLICAS_LIMIT`` live replicas, sorted by id. Invalid hashes are left out.

    Raises:
        Exception: the client's error if Redis does not answer.
    """
    members: list[Any] = redis.zrange(REPLICAS_KEY, 0, REPLICAS_LIMIT - 1)
    names = sorted(member.decode(errors="replace") for member in members)
    pipeline = redis.pipeline(transaction=False)
    for name in names:
        pipeline.hgetall(replica_key(name))
    reports: list[ReplicaReport] = []
    for name, fields in zip(names, pipeline.execute(raise_on_error=False), strict=True):
        if not fields or isinstance(fields, Exception):  # expired, or not a hash
            continue
        try:
            presence = ReplicaPresence.from_fields(name, fields)
        except (KeyError, ValueError):
            continue
        reports.append(
            ReplicaReport(
                replica=name,
                connected_clients=presence.connected_clients,
                started=presence.started,
                version=presence.version,
            )
        )
    return reports


def read_collector(redis: RedisReader) -> tuple[CollectorReport, str | None]:
    """Return the collector's report and the name of its cluster.

    Without a valid lease the status is ``down`` and the name is ``None``.

    Raises:
        Exception: the client's error if Redis does not answer.
    """
    pipeline = redis.pipeline(transaction=False)
    pipeline.hgetall(LEASE_KEY)
    pipeline.pttl(latest_key(METRICS_CHANNEL))
    answers: list[Any] = pipeline.execute(raise_on_error=False)
    lease: dict[bytes, bytes] = {} if isinstance(answers[0], Exception) else answers[0]
    age = None if isinstance(answers[1], Exception) else age_seconds(int(answers[1]))
    try:
        leader, epoch, cluster = lease[b"id"].decode(), int(lease[b"epoch"]), lease[b"cluster"].decode()
    except (KeyError, ValueError):
        return CollectorReport(status="down", leader=None, epoch=None, age_seconds=age), None
    return CollectorReport(status="up", leader=leader, epoch=epoch, age_seconds=age), cluster


def correct_status_by_rounds(
    report: CollectorReport, quiet_seconds: float | None, interval_seconds: float | None
) -> CollectorReport:
    """Return ``report`` with the status ``up`` unless rounds are missing too.

    The lease also expires during an outage of Redis, so a missing lease alone proves nothing.
    ``quiet_seconds`` is the time since the last round, and ``interval_seconds`` the time between two; ``None`` if
    unknown.
    """
    if quiet_seconds is None or interval_seconds is None or quiet_seconds > overdue_seconds(interval_seconds):
        return report
    return replace(report, status="up")
