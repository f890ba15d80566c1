"""How a ws replica presents itself in Redis, and how the living collector and replicas are read from there."""

from typing import Any, Final, Protocol, Self

from msgspec import Struct
from msgspec.structs import replace

from contract.messages import Count, Timestamp
from contract.names import LEASE_KEY, METRICS_CHANNEL, REPLICAS_KEY, latest_key, overdue_seconds, replica_key
from contract.rest import CollectorReport, ReplicaReport
from contract.scripts import age_seconds

#: Replicas that are read: any of them may write the index, and one that was broken into as much as it wants.
REPLICAS_LIMIT: Final = 1000


class Reader(Protocol):
    """The part of a blocking Redis client that is used here."""

    def zrange(self, name: str, start: int, end: int) -> Any: ...  # noqa: D102
    def pipeline(self, transaction: bool = ...) -> Any: ...  # noqa: D102


class ReplicaPresence(Struct, frozen=True, kw_only=True):
    """The hash ``cluster:ws:<replica>``. The id is new at each process start."""

    replica: str
    #: Engine.IO connections of this replica.
    connected_clients: Count
    started: Timestamp
    version: str
    #: Messages taken from channels since the start.
    messages: Count
    #: Events handed to clients since the start.
    deliveries: Count

    def fields(self) -> dict[str, str | int]:
        """The hash's fields, all but the id, which stands in the key."""
        return {
            "connected_clients": self.connected_clients,
            "started": self.started,
            "version": self.version,
            "messages": self.messages,
            "deliveries": self.deliveries,
        }

    @classmethod
    def from_fields(cls, replica: str, fields: dict[bytes, bytes]) -> Self:
        """Read the hash.

        Raises:
            KeyError, ValueError: the hash is not one that a replica wrote.
        """
        return cls(
            replica=replica,
            connected_clients=int(fields[b"connected_clients"]),
            started=fields[b"started"].decode(),
            version=fields[b"version"].decode(),
            messages=int(fields[b"messages"]),
            deliveries=int(fields[b"deliveries"]),
        )


def read_replicas(redis: Reader) -> list[ReplicaReport]:
    """Return the living replicas, ``REPLICAS_LIMIT`` at most, in the order of their ids; what none wrote is left out.

    Raises:
        Exception: what the client raises where Redis does not answer.
    """
    members: list[Any] = redis.zrange(REPLICAS_KEY, 0, REPLICAS_LIMIT - 1)
    names = sorted(member.decode(errors="replace") for member in members)
    pipeline = redis.pipeline(transaction=False)
    for name in names:
        pipeline.hgetall(replica_key(name))
    reports: list[ReplicaReport] = []
    for name, fields in zip(names, pipeline.execute(raise_on_error=False), strict=True):
        if not fields or isinstance(fields, Exception):  # expired since its last refresh, or no hash
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


def read_collector(redis: Reader) -> tuple[CollectorReport, str | None]:
    """Return the collector's report, ``down`` without a living lease, and the name of its cluster (``None`` likewise).

    A lease that no collector wrote counts as none.

    Raises:
        Exception: what the client raises where Redis does not answer.
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
    """Return ``report`` as ``up`` unless rounds are missing too: a lease also runs out while Redis is away.

    ``quiet_seconds``: since the last round, as far as it is known; ``interval_seconds``: between two.
    """
    if quiet_seconds is None or interval_seconds is None or quiet_seconds > overdue_seconds(interval_seconds):
        return report
    return replace(report, status="up")
