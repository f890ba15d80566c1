"""How a ws replica presents itself in Redis, and how the living collector and replicas are read from there."""

from typing import Any, Self

from msgspec import Struct
from redis import Redis

from contract.messages import Count, Timestamp
from contract.names import LEASE_KEY, METRICS_CHANNEL, REPLICAS_KEY, latest_key, replica_key
from contract.rest import CollectorReport, ReplicaReport
from contract.scripts import age_seconds


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


def read_replicas(redis: Redis) -> list[ReplicaReport]:
    """Return the living replicas, in the order of their ids.

    Raises:
        redis.RedisError: Redis did not answer.
    """
    members: list[Any] = redis.zrange(REPLICAS_KEY, 0, -1)
    names = sorted(member.decode() for member in members)
    pipeline = redis.pipeline(transaction=False)
    for name in names:
        pipeline.hgetall(replica_key(name))
    reports: list[ReplicaReport] = []
    for name, fields in zip(names, pipeline.execute(), strict=True):
        if not fields:  # expired since its last refresh
            continue
        presence = ReplicaPresence.from_fields(name, fields)
        reports.append(
            ReplicaReport(
                replica=name,
                connected_clients=presence.connected_clients,
                started=presence.started,
                version=presence.version,
            )
        )
    return reports


def read_collector(redis: Redis) -> tuple[CollectorReport, str | None]:
    """Return the collector's report, and the name of its cluster (``None`` without a living lease).

    Raises:
        redis.RedisError: Redis did not answer.
    """
    pipeline = redis.pipeline(transaction=False)
    pipeline.hgetall(LEASE_KEY)
    pipeline.pttl(latest_key(METRICS_CHANNEL))
    answers: list[Any] = pipeline.execute()
    lease: dict[bytes, bytes] = answers[0]
    age = age_seconds(int(answers[1]))
    if not lease:
        return CollectorReport(status="down", leader=None, epoch=None, age_seconds=age), None
    report = CollectorReport(status="up", leader=lease[b"id"].decode(), epoch=int(lease[b"epoch"]), age_seconds=age)
    return report, lease[b"cluster"].decode()
