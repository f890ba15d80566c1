"""The alert log as a replica reads it: for clients that were away, and for itself after it was."""

import threading
import time
from typing import Final, NamedTuple

import msgspec
from redis import Redis

from contract.codec import require_object
from contract.messages import LogEntry, LogId
from contract.names import ALERT_LOG_FIELD, ALERT_LOG_KEY

#: Entries read at a time.
PAGE_LENGTH: Final = 500
#: Seconds for which a page is given again to clients that stand at the same entry, as all do after a broken connection.
KEPT_SECONDS: Final = 1.0
#: Pages kept.
KEPT_PAGES: Final = 64

_decoder: Final = msgspec.json.Decoder(LogEntry)


class StoredEntry(NamedTuple):
    """An entry of the log as it was written, so that what a newer collector writes is passed on."""

    id: LogId
    raw: msgspec.Raw


Page = tuple[StoredEntry, ...]


class AlertLog:
    """Reads pages of the log, one caller at a time."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._reading = threading.Lock()
        self._pages: Final[dict[tuple[LogId, LogId], tuple[float, Page | None]]] = {}

    def after(self, position: LogId, known: LogId) -> Page | None:
        """Return the first ``PAGE_LENGTH`` entries after ``position``, or all; ``None`` where that entry is gone.

        ``known`` is the newest entry that is known to be in the log: what was read before it was is not given again.
        Lets other greenlets run.

        Raises:
            redis.RedisError: Redis did not answer.
            ValueError: something in the log is no entry.
        """
        with self._reading:
            read_at, page = self._pages.get((position, known), (None, None))
            if read_at is not None and time.monotonic() - read_at < KEPT_SECONDS:
                return page
            page = self._read(position)
            if len(self._pages) >= KEPT_PAGES:
                self._pages.clear()
            self._pages[position, known] = time.monotonic(), page
            return page

    def _read(self, position: LogId) -> Page | None:
        found: list[tuple[bytes, dict[bytes, bytes]]] = self._redis.xrange(  # type: ignore[assignment]
            ALERT_LOG_KEY, min=position, max="+", count=PAGE_LENGTH + 1
        )
        if not found or found[0][0].decode() != position:
            return None
        try:
            return tuple(_stored(fields[ALERT_LOG_FIELD.encode()]) for _, fields in found[1:])
        except (KeyError, msgspec.MsgspecError) as error:
            raise ValueError(f"not a log entry: {error!r}") from None


def _stored(raw: bytes) -> StoredEntry:
    require_object(raw)
    return StoredEntry(_decoder.decode(raw).id, msgspec.Raw(raw))
