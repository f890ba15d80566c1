"""The alert log as a replica reads it, and what a reader has missed: a client that was away, or the replica itself.

Messages are changed as JSON, so that fields of a newer collector are passed on.
"""

import threading
import time
from typing import Final, NamedTuple

import msgspec
from redis import Redis

from contract.codec import Message, require_object
from contract.messages import Alerts, LogEntry, LogId, log_order
from contract.names import ALERT_LOG_FIELD, ALERT_LOG_KEY
from contract.raw_json import with_fields
from runtime.redis_failures import RedisFailure, translated

#: Entries read at a time.
RESULT_PAGE_LENGTH: Final = 500
#: Seconds for which a page is given again to clients that stand at the same entry, as all do after a broken connection.
CACHE_SECONDS: Final = 1.0
#: Pages kept.
CACHED_PAGES: Final = 64

_decoder: Final = msgspec.json.Decoder(LogEntry)


class StoredEntry(NamedTuple):
    """An entry of the log as it was written, so that what a newer collector writes is passed on."""

    id: LogId
    raw: msgspec.Raw


ResultPage = tuple[StoredEntry, ...]


class AlertLogFollower:
    """Reads pages of the log, one caller at a time."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._reading = threading.Lock()
        self._cached_pages: Final[dict[tuple[LogId, LogId], tuple[float, ResultPage | None]]] = {}

    def after(self, position: LogId, known: LogId) -> ResultPage | None:
        """Return the first ``PAGE_LENGTH`` entries after ``position``, or all; ``None`` where that entry is gone.

        ``known`` is the newest entry that is known to be in the log: what was read before it was is not given again.
        Lets other greenlets run.

        Raises:
            RedisFailure: Redis did not answer, or with an error.
            ValueError: something in the log is no entry.
        """
        with self._reading:
            read_at, page = self._cached_pages.get((position, known), (None, None))
            if read_at is not None and time.monotonic() - read_at < CACHE_SECONDS:
                return page
            page = self._read(position)
            if len(self._cached_pages) >= CACHED_PAGES:
                self._cached_pages.clear()
            self._cached_pages[position, known] = time.monotonic(), page
            return page

    def _read(self, position: LogId) -> ResultPage | None:
        with translated():
            found: list[tuple[bytes, dict[bytes, bytes]]] = self._redis.xrange(  # type: ignore[assignment]
                ALERT_LOG_KEY, min=position, max="+", count=RESULT_PAGE_LENGTH + 1
            )
        if not found or found[0][0].decode() != position:
            return None
        try:
            return tuple(_stored_entry(fields[ALERT_LOG_FIELD.encode()]) for _, fields in found[1:])
        except (KeyError, msgspec.MsgspecError) as error:
            raise ValueError(f"not a log entry: {error!r}") from None


class Gap(NamedTuple):
    """What a reader of the log has missed: the entries after ``after``, where it stands, up to ``until``."""

    after: LogId
    until: LogId

    @classmethod
    def before(cls, message: Message, position: LogId | None) -> "Gap | None":
        """What a reader at ``position`` has missed when ``message`` comes; ``None`` where that is nothing."""
        if not isinstance(message, Alerts) or position is None or message.last_alert_id is None:
            return None
        if position in (message.previous_alert_id, message.last_alert_id):
            return None
        return cls(position, message.last_alert_id)

    @property
    def is_closed(self) -> bool:
        """Whether nothing is missing."""
        return log_order(self.after) >= log_order(self.until)

    def begin(self, log: AlertLogFollower) -> ResultPage | None:
        """Read the first of its entries, maybe with others behind ``until``; ``None`` where nobody can say which.

        Lets other greenlets run.
        """
        try:
            return log.after(*self)
        except (RedisFailure, ValueError):
            return () if self.after == self.until else None  # the feed says so in the log

    def entries(self, log: AlertLogFollower) -> ResultPage | None:
        """Read all its entries; ``None`` where they are gone, or too many to be shown unasked.

        Raises: see ``AlertLog.after``.
        """
        found, rest = self.split_page(log.after(*self) or ())
        return found if found and rest.after == rest.until else None

    def split_page(self, page: ResultPage) -> tuple[ResultPage, "Gap"]:
        """Return which entries of ``page``, the first after ``after``, lie in it, and what is missing behind them."""
        found = tuple(entry for entry in page if log_order(entry.id) <= log_order(self.until))
        return found, Gap(found[-1].id if found else self.after, self.until)


def message_for_position(position: LogId | None, raw: bytes, alerts: Alerts, missed: ResultPage | None) -> bytes:
    """``alerts``, published as ``raw``, as a reader at ``position`` is to see them.

    ``missed`` are the entries of the gap before them; ``None`` where nobody can say which they are.
    """
    if position is not None and position == alerts.previous_alert_id:
        return raw
    gap = Gap.before(alerts, position)
    if gap is None or missed is None:
        # Known already; or nobody can say what lies between, which shows in the position before.
        return without_entries(raw, alerts)
    return with_entries(raw, missed, *gap)


def with_entries(raw: bytes, entries: ResultPage, after: LogId | None, until: LogId | None) -> bytes:
    """The alerts ``raw`` with these entries of the log, which lie after ``after`` and up to ``until``."""
    written = [entry.raw for entry in entries]
    return with_fields(raw, {"entries": written, "previous_alert_id": after, "last_alert_id": until})


def without_entries(raw: bytes, alerts: Alerts) -> bytes:
    """``alerts``, published as ``raw``, with none: what is active, and the position from which the log goes on."""
    return with_entries(raw, (), alerts.last_alert_id, alerts.last_alert_id)


def _stored_entry(raw: bytes) -> StoredEntry:
    require_object(raw)
    return StoredEntry(_decoder.decode(raw).id, msgspec.Raw(raw))
