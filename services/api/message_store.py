"""The last message of each channel: read from Redis, and remembered for times when Redis is away.

The exceptions explain to people why there is no message and what to do.
"""

import functools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import redis

from api.counters import Counters
from api.redis_connection import RedisConnection
from contract.codec import TYPE_OF_CHANNEL, Message, UndecodableMessage, decode_checked
from contract.messages import RulesInForce, Snapshot, Timestamp
from contract.names import METRICS_CHANNEL, RULES_KEY, latest_key
from contract.raw_json import raw_nodes
from contract.scripts import age_seconds
from runtime.clock import unix_seconds
from runtime.logs import RateLimitedLog
from runtime.readiness import Readiness
from runtime.redis_failures import RedisFailure

_logger = logging.getLogger(__name__)
AnyMessage = Message | RulesInForce

#: Type of the message, by channel. The rules have no channel; their key stands for one.
_TYPES: Final[dict[str, type[AnyMessage]]] = {**TYPE_OF_CHANNEL, RULES_KEY: RulesInForce}


class DataUnavailable(Exception):
    """The data is not available now. The text is for people."""


class NotStored(DataUnavailable):
    """Redis answers, and the key does not exist."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"Nothing is stored under {key} yet. Check that the collector runs with the same REDIS_URL as the api. "
            "The collector publishes within seconds of its start."
        )


class StoredDataInvalid(DataUnavailable):
    """The key's content is not a message of the collector."""

    def __init__(self, key: str, reason: str) -> None:
        remedy = (
            "The collector's next round replaces the value. If the error stays, another program writes to this Redis."
        )
        if "permissions" in reason:
            remedy = "Give the Redis users of the api and the collector the ACL rules of this release."
        super().__init__(f"The value of {key} cannot be read: {reason}. {remedy}")


class NotReadYet(DataUnavailable):
    """Redis is away, and this process has not read the data before."""

    def __init__(self, down_since: Timestamp | None) -> None:
        since = f" since {down_since}" if down_since else ""
        super().__init__(
            f"Redis does not answer{since}, and the api has not read this data before. "
            "Check that Redis runs and that REDIS_URL is correct."
        )


def _key(channel: str) -> str:
    return RULES_KEY if channel == RULES_KEY else latest_key(channel)


class StoredMessage:
    """A stored message: its bytes and the decoded message."""

    def __init__(self, raw: bytes, message: AnyMessage) -> None:
        self.raw = raw
        self.message = message

    @property
    def tag(self) -> str:
        """``<epoch>-<seq>``, for entity tags: equal for equal content."""
        return f"{self.message.epoch}-{self.message.seq}"


def nodes_by_name(snapshot: StoredMessage) -> Iterator[tuple[str, msgspec.Raw]]:
    """Yield the name and the stored JSON of each node of a snapshot."""
    message = snapshot.message
    assert isinstance(message, Snapshot)
    for node, raw in zip(message.nodes, raw_nodes(snapshot.raw), strict=True):
        yield node.node, raw


@dataclass(frozen=True)
class LatestMessage:
    """A message with its current age: seconds since it was written, ``None`` if Redis does not know."""

    stored: StoredMessage
    age_seconds: float | None


@dataclass(frozen=True)
class _LastRead:
    """The last read of a key: a message, or no value, or an invalid value with a ``reason``."""

    asked_at: float
    raw: bytes | None = None
    age_seconds: float | None = None
    stored: StoredMessage | None = None
    reason: str | None = None


class MessageStore:
    """Reads the ``:latest`` keys and the rules. Remembers the last answer of Redis for each key."""

    def __init__(
        self,
        connection: RedisConnection,
        readiness: Readiness,
        counters: Counters,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._readiness = readiness
        self._counters = counters
        self._monotonic = monotonic
        self._limited_log = RateLimitedLog(_logger)
        self._lock = threading.Lock()
        self._last_reads: dict[str, _LastRead] = {}

    def latest(self, channel: str) -> LatestMessage:
        """Read the channel's last message, or the rules. While Redis is away, return the last known one.

        Raises:
            DataUnavailable: there is no message.
        """
        self.refresh(channel)
        return self.remembered(channel)

    def snapshot(self) -> tuple[LatestMessage, Snapshot]:
        """Return ``latest`` of the metrics channel, and its message.

        Raises:
            DataUnavailable: there is no message.
        """
        latest = self.latest(METRICS_CHANNEL)
        message = latest.stored.message
        assert isinstance(message, Snapshot)
        return latest, message

    def snapshot_if_available(self) -> Snapshot | None:
        """Return the message of ``snapshot``, or ``None``."""
        try:
            _, snapshot = self.snapshot()
        except DataUnavailable:
            return None
        return snapshot

    def refresh(self, *channels: str) -> None:
        """Read these channels in one round trip. If Redis does not answer, the remembered messages stay."""
        asked_at = self._monotonic()
        try:
            answers = self._connection.ask(functools.partial(_read, channels))
        except RedisFailure:
            return
        for channel, (raw, age) in zip(channels, answers, strict=True):
            self.remember(channel, raw, age, asked_at)

    def remember(self, channel: str, raw: bytes | str | None, age: float | None, asked_at: float) -> None:
        """Remember Redis' answer to a query made at monotonic time ``asked_at``.

        ``raw`` is the stored value, or an error text if it is a ``str``.
        """
        previous = self._last_reads.get(channel)
        if previous is not None and previous.stored is not None and previous.raw == raw:
            fresh = _LastRead(asked_at, previous.raw, age, previous.stored)
        else:
            fresh = self._decoded(channel, raw, age, asked_at)
        with self._lock:
            previous = self._last_reads.get(channel)
            # Another thread may have asked later and received its answer earlier.
            if previous is None or previous.asked_at <= asked_at:
                self._last_reads[channel] = fresh

    def remembered(self, channel: str) -> LatestMessage:
        """Return the last message that was read.

        Raises:
            DataUnavailable: no message was read, or the stored value is not valid.
        """
        known = self._last_reads.get(channel)
        if known is None:
            raise NotReadYet(self._readiness.redis_down_since)
        if known.stored is not None:
            elapsed = self._monotonic() - known.asked_at
            return LatestMessage(known.stored, None if known.age_seconds is None else known.age_seconds + elapsed)
        if known.reason is not None:
            raise StoredDataInvalid(_key(channel), known.reason)
        raise NotStored(_key(channel))

    def _decoded(self, channel: str, raw: bytes | str | None, age: float | None, asked_at: float) -> _LastRead:
        if raw is None:
            return _LastRead(asked_at)
        key = _key(channel)
        if isinstance(raw, bytes):
            try:
                return _LastRead(asked_at, raw, age, StoredMessage(raw, decode_checked(raw, _TYPES[channel])))
            except UndecodableMessage as error:
                reason, shown = error.reason, str(error)
        else:
            reason = shown = raw
        self._counters.stored_invalid.labels(key).inc()
        self._limited_log.warning(key, "the value of %s cannot be read: %s", key, shown)
        return _LastRead(asked_at, reason=reason)


def collector_time(snapshot: Snapshot | None) -> float:
    """Return the time of the newest snapshot, in Unix seconds: the collector's clock.

    Without a snapshot, return the time of this machine.
    """
    try:
        return time.time() if snapshot is None else unix_seconds(snapshot.timestamp)
    except ValueError:
        return time.time()


def _read(channels: tuple[str, ...], client: redis.Redis) -> list[tuple[bytes | str | None, float | None]]:
    pipeline = client.pipeline(transaction=False)
    for channel in channels:
        pipeline.get(_key(channel))
        pipeline.pttl(_key(channel))
    answers: list[Any] = pipeline.execute(raise_on_error=False)
    return [
        (str(raw), None) if isinstance(raw, redis.ResponseError) else (raw, _age(ttl_ms))
        for raw, ttl_ms in zip(answers[0::2], answers[1::2], strict=True)
    ]


def _age(ttl_ms: object) -> float | None:
    return age_seconds(ttl_ms) if isinstance(ttl_ms, int) else None
