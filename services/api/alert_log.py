"""Pages of the alert log: read from the stream, its newest part remembered for the time that Redis is away."""

import functools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import redis

from api.counters import Counters
from api.link import RedisLink
from api.unavailable import NothingKnown, StoredInvalid
from contract.codec import encode
from contract.messages import LogEntry, log_order
from contract.names import ALERT_LOG_FIELD, ALERT_LOG_KEY
from runtime.logs import Occasionally
from runtime.readiness import Readiness
from runtime.redis_failures import RedisAway, RedisRefused

_logger = logging.getLogger(__name__)
_FIELD = ALERT_LOG_FIELD.encode()

#: Id and JSON of an entry.
Entry = tuple[str, bytes]


class _Body(msgspec.Struct):
    """``AlertLogPage`` with its entries as they were stored."""

    entries: list[msgspec.Raw]
    last_alert_id: str | None


@dataclass(frozen=True)
class Page:
    """An ``AlertLogPage`` as JSON, and its age in seconds where it comes from memory."""

    body: bytes
    age_seconds: float | None


@dataclass(frozen=True)
class _Tail:
    entries: list[Entry]
    read_at: float


class AlertLog:
    """Reads the log. Entries that the collector did not write are left out and counted."""

    def __init__(
        self,
        link: RedisLink,
        readiness: Readiness,
        counters: Counters,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = link
        self._readiness = readiness
        self._counters = counters
        self._monotonic = monotonic
        self._complaints = Occasionally(_logger)
        self._tail: _Tail | None = None

    def page(self, after: str | None, limit: int) -> Page:
        """Return the ``limit`` entries next after position ``after``, or the last ones; oldest first.

        Raises:
            Unavailable: Redis is away and the entries are not known, or the key holds something else.
        """
        read_at = self._monotonic()
        try:
            entries = self._read(after, limit)
        except RedisAway:
            return self._remembered(after, limit)
        except RedisRefused as error:
            self._counters.stored_invalid.labels(ALERT_LOG_KEY).inc()
            raise StoredInvalid(ALERT_LOG_KEY, str(error)) from None
        if after is None:
            self._tail = _Tail(entries, read_at)
        return Page(self._body(entries, after), None)

    def _read(self, after: str | None, limit: int) -> list[Entry]:
        def question(client: redis.Redis) -> Any:
            if after is None:
                return client.xrevrange(ALERT_LOG_KEY, count=limit)
            return client.xrange(ALERT_LOG_KEY, min=f"({after}", count=limit)

        rows = self._link.ask(question)
        if after is None:
            rows.reverse()
        return [(entry_id.decode(), fields.get(_FIELD, b"")) for entry_id, fields in rows]

    def _remembered(self, after: str | None, limit: int) -> Page:
        tail = self._tail
        known = tail is not None and (
            after is None or (tail.entries and log_order(after) >= log_order(tail.entries[0][0]))
        )
        if tail is None or not known:
            raise NothingKnown(self._readiness.redis_down_since)
        if after is None:
            entries = tail.entries[-limit:]
        else:
            entries = [entry for entry in tail.entries if log_order(entry[0]) > log_order(after)][:limit]
        return Page(self._body(entries, after), self._monotonic() - tail.read_at)

    def _body(self, entries: list[Entry], after: str | None) -> bytes:
        valid = [msgspec.Raw(raw) for _, raw in entries if self._is_valid(raw)]
        return encode(_Body(valid, entries[-1][0] if entries else after))

    def _is_valid(self, raw: bytes) -> bool:
        try:
            _decoder().decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._counters.stored_invalid.labels(ALERT_LOG_KEY).inc()
            self._complaints.warning("entry", "an entry of %s cannot be read: %s", ALERT_LOG_KEY, error)
            return False
        return True


@functools.cache
def _decoder() -> msgspec.json.Decoder[LogEntry]:
    return msgspec.json.Decoder(LogEntry)
