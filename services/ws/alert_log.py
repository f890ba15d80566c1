"""Reads the alert log, and finds the entries that a reader has missed: a client that was away, or the replica itself.

Messages are changed as JSON, so that fields of a newer collector are kept.
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

#: Entries of one result page.
RESULT_PAGE_LENGTH: Final = 500
#: Seconds for which a result page is cached: after a broken connection many clients read from the same entry.
CACHE_SECONDS: Final = 1.0
#: Result pages in the cache.
CACHED_PAGES: Final = 64

_decoder: Final = msgspec.json.Decoder(LogEntry)


class StoredEntry(NamedTuple):
    """An entry of the log; ``raw`` keeps fields that a newer collector writes."""

    id: LogId
    raw: msgspec.Raw


ResultPage = tuple[StoredEntry, ...]


class AlertLogFollower:
    """Reads result pages of the log, one caller at a time."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._reading = threading.Lock()
        self._cached_pages: Final[dict[tuple[LogId, LogId], tuple[float, ResultPage | None]]] = {}

    def read_after(self, position: LogId, known: LogId) -> ResultPage | None:
        """Return at most ``RESULT_PAGE_LENGTH`` entries after ``position``; ``None`` if that entry no longer exists.

        ``known`` is the newest entry that is known to be in the log; a result page that was read before that entry
        existed is not used again. Lets other greenlets run.

        Raises:
            RedisFailure: Redis did not answer, or answered with an error.
            ValueError: the log contains an invalid entry.
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
    """The entries that a reader of the log has missed: those after its position ``after``, up to ``until``."""

    after: LogId
    until: LogId

    @classmethod
    def before(cls, message: Message, position: LogId | None) -> "Gap | None":
        """Return the entries that a reader at ``position`` misses before ``message``; ``None`` if there are no such."""
        if not isinstance(message, Alerts) or position is None or message.last_alert_id is None:
            return None
        if position in (message.previous_alert_id, message.last_alert_id):
            return None
        return cls(position, message.last_alert_id)

    @property
    def is_closed(self) -> bool:
        """Whether the gap has no entries."""
        return log_order(self.after) >= log_order(self.until)

    def read_first_page(self, log: AlertLogFollower) -> ResultPage | None:
        """Read the first result page, which may go beyond ``until``; ``None`` if the entries are unknown.

        Lets other greenlets run.
        """
        try:
            return log.read_after(*self)
        except (RedisFailure, ValueError):
            return () if self.after == self.until else None  # the feed logs it

    def read_entries(self, log: AlertLogFollower) -> ResultPage | None:
        """Read all entries; ``None`` if they no longer exist, or if they are too many to be sent without a request.

        Raises: see ``AlertLogFollower.read_after``.
        """
        found, rest = self.split_page(log.read_after(*self) or ())
        return found if found and rest.after == rest.until else None

    def split_page(self, page: ResultPage) -> tuple[ResultPage, "Gap"]:
        """Return the entries of ``page`` that lie in the gap, and the gap that remains.

        ``page`` begins after ``after``.
        """
        found = tuple(entry for entry in page if log_order(entry.id) <= log_order(self.until))
        return found, Gap(found[-1].id if found else self.after, self.until)


def message_for_position(position: LogId | None, raw: bytes, alerts: Alerts, missed: ResultPage | None) -> bytes:
    """Return ``alerts``, published as ``raw``, with the entries for a reader at ``position``.

    ``missed`` are the entries of the gap before ``alerts``; ``None`` if they are unknown.
    """
    if position is not None and position == alerts.previous_alert_id:
        return raw
    gap = Gap.before(alerts, position)
    if gap is None or missed is None:
        # The reader already has the entries, or they are unknown; then the previous position shows the loss.
        return without_entries(raw, alerts)
    return with_entries(raw, missed, *gap)


def with_entries(raw: bytes, entries: ResultPage, after: LogId | None, until: LogId | None) -> bytes:
    """Return the alerts ``raw`` with these entries of the log, which lie after ``after`` and up to ``until``."""
    written = [entry.raw for entry in entries]
    return with_fields(raw, {"entries": written, "previous_alert_id": after, "last_alert_id": until})


def without_entries(raw: bytes, alerts: Alerts) -> bytes:
    """Return ``alerts``, published as ``raw``, without entries: the active alerts and the position in the log."""
    return with_entries(raw, (), alerts.last_alert_id, alerts.last_alert_id)


def _stored_entry(raw: bytes) -> StoredEntry:
    require_object(raw)
    return StoredEntry(_decoder.decode(raw).id, msgspec.Raw(raw))
