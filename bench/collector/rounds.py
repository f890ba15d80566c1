"""What arrives: every snapshot of a collector, and the age of the values in the snapshot."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from typing import Final

import msgspec
import redis
from redis.client import PubSub

from bench.collector.expositions import age_seconds
from contract.names import METRICS_CHANNEL
from runtime.clock import unix_seconds

_POLL_SECONDS: Final = 0.2


class _Node(msgspec.Struct):
    memory_total_bytes: int | None


class _Snapshot(msgspec.Struct):
    seq: int
    timestamp: str
    nodes: list[_Node]


_DECODER: Final = msgspec.json.Decoder(_Snapshot)


@dataclass(frozen=True)
class Arrival:
    """A snapshot that arrived; ages in seconds at its arrival."""

    #: Monotonic time.
    at: float
    seq: int
    #: Age of the snapshot, from its timestamp.
    snapshot_age: float
    #: Age of the oldest value of any node, from the time at which the exporter wrote the value; 0 without values.
    oldest: float
    #: Nodes without values: not scraped yet, or offline.
    without_values: int


def read_arrival(snapshot: bytes, at: float) -> Arrival:
    """Return the arrival of the snapshot at this monotonic time, which is now or shortly before."""
    read = _DECODER.decode(snapshot)
    delay = time.monotonic() - at
    ages = [age_seconds(node.memory_total_bytes) for node in read.nodes if node.memory_total_bytes is not None]
    return Arrival(
        at=at,
        seq=read.seq,
        snapshot_age=time.time() - unix_seconds(read.timestamp) - delay,
        oldest=max(max(ages, default=0.0) - delay, 0.0),
        without_values=len(read.nodes) - len(ages),
    )


class RedisRounds:
    """Subscribes to the collector's channel and keeps the arrivals, in a thread."""

    def __init__(self, client: redis.Redis) -> None:
        self.arrivals: list[Arrival] = []
        self._client = client
        self._pubsub = PubSub(client.connection_pool, ignore_subscribe_messages=True)
        self._pubsub.subscribe(METRICS_CHANNEL)
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._is_stopped.is_set():
            message = self._pubsub.get_message(timeout=_POLL_SECONDS)
            if message is not None:
                self.arrivals.append(read_arrival(message["data"], time.monotonic()))

    def close(self) -> None:
        """Stop."""
        self._is_stopped.set()
        self._thread.join(10)
        self._pubsub.close()
        self._client.close()


@dataclass(frozen=True)
class Counted:
    """The rounds of a period."""

    expected: int
    published: int
    #: Age of the oldest value when a round arrived, in seconds.
    oldest: float
    #: Most nodes without values in a round.
    without_values: int

    @property
    def missed(self) -> int:
        """Return the rounds that are missing."""
        return self.expected - self.published


def count_rounds(arrivals: Sequence[Arrival], began: float, ended: float, interval_seconds: float) -> Counted:
    """Count the rounds between two monotonic times.

    Rounds are due in steps of the interval after the last arrival before ``began``, and may come half an interval late.
    """
    inside = [arrival for arrival in arrivals if began < arrival.at <= ended]
    anchor = max((arrival.at for arrival in arrivals if arrival.at <= began), default=began)

    def due(until: float) -> int:
        return max(0, floor((until - anchor) / interval_seconds - 0.5))

    return Counted(
        expected=max(due(ended) - due(began), len(inside)),
        published=len(inside),
        oldest=max((arrival.oldest for arrival in inside), default=0.0),
        without_values=max((arrival.without_values for arrival in inside), default=0),
    )
