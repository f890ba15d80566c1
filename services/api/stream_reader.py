"""Reads the collector's Redis streams, and translates errors into ``DataUnavailable``."""

import logging
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
import redis

from api.counters import Counters
from api.message_store import NotReadYet, StoredDataInvalid
from api.redis_connection import RedisConnection
from contract.codec import UndecodableMessage
from runtime.logs import RateLimitedLog
from runtime.readiness import Readiness
from runtime.redis_failures import RedisAway, RedisRefused

#: The rows of a stream, as the driver returns them: id and fields.
Rows = list[tuple[bytes, dict[bytes, bytes]]]

T = TypeVar("T")

_UNDECODABLE: Final = (UndecodableMessage, msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_logger = logging.getLogger(__name__)


class StreamReader:
    """Reads the streams of one ``key``, or of several keys that share one name in metrics and logs.

    Counts entries that it cannot decode, and logs some of them.
    """

    def __init__(self, key: str, connection: RedisConnection, readiness: Readiness, counters: Counters) -> None:
        self._key = key
        self._connection = connection
        self._readiness = readiness
        self._counters = counters
        self._limited_log = RateLimitedLog(_logger)

    def ask(self, query: Callable[[redis.Redis], T]) -> T:
        """Return ``query(client)``.

        Raises:
            NotReadYet: Redis is away.
            StoredDataInvalid: the key is not a stream, or Redis rejects the command.
        """
        try:
            return self._connection.ask(query)
        except RedisAway:
            raise self.not_read_yet() from None
        except RedisRefused as error:
            self._counters.stored_invalid.labels(self._key).inc()
            raise StoredDataInvalid(self._key, str(error)) from None

    def not_read_yet(self) -> NotReadYet:
        """Return the exception for a query while Redis is away."""
        return NotReadYet(self._readiness.redis_down_since)

    def decoded(self, decode: Callable[[bytes], T], raw: bytes) -> T | None:
        """Return ``decode(raw)``; ``None`` if the entry is unreadable."""
        try:
            return decode(raw)
        except _UNDECODABLE as error:
            self._counters.stored_invalid.labels(self._key).inc()
            self._limited_log.warning("entry", "an entry of %s cannot be read: %s", self._key, error)
            return None
