"""``/api/alerts…`` and ``/api/rules``: the active alerts, the alert log, and the rules in force."""

import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
import redis
from flask import Blueprint, Response, request

from api.message_store import MessageStore, NotReadYet
from api.query_parameters import position, whole_number
from api.responses import json_answer, latest_answer
from api.stream_reader import Rows, StreamReader
from contract.codec import encode
from contract.messages import LogEntry, log_order
from contract.names import ALERT_LOG_FIELD, ALERT_LOG_KEY, ALERTS_CHANNEL, RULES_KEY

#: Default and largest number of entries in a result page.
DEFAULT_LIMIT: Final = 100
LARGEST_LIMIT: Final = 1000

_FIELD: Final = ALERT_LOG_FIELD.encode()
_DECODER: Final = msgspec.json.Decoder(LogEntry)

#: Id and JSON of an entry.
StoredEntry = tuple[str, bytes]


def alert_routes(store: MessageStore, reader: "AlertLogReader") -> Blueprint:
    """Return the routes."""
    routes = Blueprint("alerts", __name__, url_prefix="/api")

    @routes.get("/alerts")
    def active() -> Response:
        """The collector's last alerts message, its bytes unchanged."""
        latest = store.latest(ALERTS_CHANNEL)
        return latest_answer(latest, latest.stored.raw)

    @routes.get("/alerts/log")
    def entries() -> Response:
        """A result page of the log: the entries after ``after``, or the newest entries. Oldest first."""
        after = position(request.args, "after", "the id of a log entry")
        page = reader.page(after, whole_number(request.args, "limit", (1, LARGEST_LIMIT), 6) or DEFAULT_LIMIT)
        return json_answer(page.body, page.age_seconds)

    @routes.get("/rules")
    def rules() -> Response:
        """The rules as the collector wrote them, their bytes unchanged."""
        latest = store.latest(RULES_KEY)
        return latest_answer(latest, latest.stored.raw)

    return routes


class _PageJson(msgspec.Struct):
    """``AlertLogPage`` with the stored JSON of its entries."""

    entries: list[msgspec.Raw]
    last_alert_id: str | None


class AlertLogResultPage(NamedTuple):
    """An ``AlertLogPage`` as JSON. ``age_seconds`` is ``None`` unless the page comes from memory."""

    body: bytes
    age_seconds: float | None


class _NewestEntries(NamedTuple):
    entries: list[StoredEntry]
    #: Monotonic time.
    read_at: float


class AlertLogReader:
    """Reads result pages of the log. Remembers the newest entries for times when Redis is away."""

    def __init__(self, stream: StreamReader, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._monotonic = monotonic
        self._newest: _NewestEntries | None = None

    def page(self, after: str | None, limit: int) -> AlertLogResultPage:
        """Return the first ``limit`` entries after position ``after``, or the newest ``limit`` entries. Oldest first.

        Raises:
            DataUnavailable: Redis is away and memory lacks the entries, or the key is not a valid stream.
        """
        read_at = self._monotonic()
        try:
            entries = self._read(after, limit)
        except NotReadYet:
            return self._remembered(after, limit)
        if after is None:
            self._newest = _NewestEntries(entries, read_at)
        return AlertLogResultPage(self._body(entries, after), None)

    def _read(self, after: str | None, limit: int) -> list[StoredEntry]:
        def query(client: redis.Redis) -> Any:
            if after is None:
                return client.xrevrange(ALERT_LOG_KEY, count=limit)[::-1]  # type: ignore[index]  # redis-py returns a list
            return client.xrange(ALERT_LOG_KEY, min=f"({after}", count=limit)

        rows: Rows = self._stream.ask(query)
        return [(entry_id.decode(), fields.get(_FIELD, b"")) for entry_id, fields in rows]

    def _remembered(self, after: str | None, limit: int) -> AlertLogResultPage:
        newest = self._newest
        is_known = newest is not None and (
            after is None or (newest.entries and log_order(after) >= log_order(newest.entries[0][0]))
        )
        if newest is None or not is_known:
            raise self._stream.not_read_yet()
        if after is None:
            entries = newest.entries[-limit:]
        else:
            entries = [entry for entry in newest.entries if log_order(entry[0]) > log_order(after)][:limit]
        return AlertLogResultPage(self._body(entries, after), self._monotonic() - newest.read_at)

    def _body(self, entries: list[StoredEntry], after: str | None) -> bytes:
        valid = [msgspec.Raw(raw) for _, raw in entries if self._stream.decoded(_DECODER.decode, raw) is not None]
        return encode(_PageJson(valid, entries[-1][0] if entries else after))
