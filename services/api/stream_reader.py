"""Streams of Redis, as the collector writes them: read, with the errors of reading as answers that cannot be given."""

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

#: The rows of a stream, as the driver answers them: each with its id and its fields.
Rows = list[tuple[bytes, dict[bytes, bytes]]]

T = TypeVar("T")

_UNDECODABLE: Final = (UndecodableMessage, msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_logger = logging.getLogger(__name__)


class StreamReader:
    """Reads the streams of one ``key``, or of keys that are counted and named as one.

    What the collector did not write there is counted, and told in the log now and then.
    """

    def __init__(self, key: str, connection: RedisConnection, readiness: Readiness, counters: Counters) -> None:
        self._key = key
        self._connection = connection
        self._readiness = readiness
        self._counters = counters
        self._limited_log = RateLimitedLog(_logger)

    def ask(self, question: Callable[[redis.Redis], T]) -> T:
        """Return ``question(client)``.

        Raises:
            NotReadYet: Redis is away.
            StoredDataInvalid: the key holds something else than a stream, or Redis refuses it.
        """
        try:
            return self._connection.ask(question)
        except RedisAway:
            raise self.not_read_yet() from None
        except RedisRefused as error:
            self._counters.stored_invalid.labels(self._key).inc()
            raise StoredDataInvalid(self._key, str(error)) from None

    def not_read_yet(self) -> NotReadYet:
        """Why nothing can be answered with Redis away."""
        return NotReadYet(self._readiness.redis_down_since)

    def decoded(self, decode: Callable[[bytes], T], raw: bytes) -> T | None:
        """Return ``decode(raw)``; ``None`` for an entry that cannot be read."""
        try:
            return decode(raw)
        except _UNDECODABLE as error:
            self._counters.stored_invalid.labels(self._key).inc()
            self._limited_log.warning("entry", "an entry of %s cannot be read: %s", self._key, error)
            return None
