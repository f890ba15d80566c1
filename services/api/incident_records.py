"""Incidents: those that go on, from the alerts message, and those that have ended, from their stream, newest first."""

import functools
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import msgspec
import redis

from api.counters import Counters
from api.link import RedisLink
from api.store import Store
from api.unavailable import NothingKnown, NothingStored, StoredInvalid
from contract.messages import Alerts, Incident, Timestamp
from contract.names import ALERTS_CHANNEL, INCIDENTS_FIELD, INCIDENTS_KEY, INCIDENTS_LENGTH, INCIDENTS_SINCE_FIELD
from runtime.clock import unix_seconds
from runtime.logs import Occasionally
from runtime.readiness import Readiness
from runtime.redis_failures import RedisAway, RedisRefused

#: Records that are read in one go, and for one page: further ones are for the next page, be this one ever so empty.
RECORDS_AT_ONCE: Final = 500
RECORDS_A_PAGE: Final = 5000

#: Records that a table has at most: somewhat more than are kept.
INCIDENTS_LENGTH_AT_MOST: Final = INCIDENTS_LENGTH + 1000

_logger = logging.getLogger(__name__)
_FIELD: Final = INCIDENTS_FIELD.encode()
_SINCE: Final = INCIDENTS_SINCE_FIELD.encode()
_Rows = list[tuple[bytes, dict[bytes, bytes]]]


@dataclass(frozen=True)
class Wanted:
    """Which incidents are asked for; what is empty, or ``None``, excludes nothing."""

    nodes: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    #: ``firing`` are those that go on, ``resolved`` those that have ended; none is ``pending``.
    transitions: frozenset[str] = frozenset()
    #: In lower case and without non-breaking spaces; stands in the node's name or in the English message.
    text: str = ""
    #: Unix time: those that ended before are not wanted.
    ended_from: float | None = None

    def has(self, incident: Incident) -> bool:
        """Whether the incident is one of them, whenever it ended."""
        return (
            (not self.nodes or incident.node in self.nodes)
            and (not self.rules or incident.rule in self.rules)
            and (not self.severities or incident.severity in self.severities)
            and (not self.transitions or _transition(incident) in self.transitions)
            and (self.text in incident.node.lower() or self.text in plain(incident.message))
        )

    def is_over(self, incident: Incident) -> bool:
        """Whether the incident ended before the time that is asked for."""
        if self.ended_from is None or incident.ended is None:
            return False
        try:
            return unix_seconds(incident.ended) < self.ended_from
        except ValueError:
            return False


def plain(text: str) -> str:
    """Return a text as it is searched: in lower case and without non-breaking spaces."""
    return text.replace("\N{NO-BREAK SPACE}", " ").lower()


def _transition(incident: Incident) -> str:
    return "firing" if incident.ended is None else "resolved"


class Found(NamedTuple):
    """An incident, and as JSON as it was written."""

    incident: Incident
    raw: msgspec.Raw


@dataclass(frozen=True)
class Page:
    """Incidents, since when there are records, where the next page begins (``None``: nowhere), and the age in seconds.

    The age is ``None`` unless this comes from memory.
    """

    found: Sequence[Found]
    known_since: Timestamp | None
    next: str | None
    age_seconds: float | None = None


@dataclass(frozen=True)
class _Part:
    """Some records in a row, newest first, with their ids."""

    records: list[tuple[str, Found | None]]
    #: Whether there are no older ones.
    is_last: bool
    known_since: Timestamp | None
    age_seconds: float | None = None


@dataclass(frozen=True)
class _Newest:
    """What was read last of the newest records."""

    part: _Part
    read_at: float


class IncidentRecords:
    """Reads incidents. Records that the collector did not write are left out and counted."""

    def __init__(
        self,
        link: RedisLink,
        store: Store,
        readiness: Readiness,
        counters: Counters,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = link
        self._store = store
        self._readiness = readiness
        self._counters = counters
        self._monotonic = monotonic
        self._complaints = Occasionally(_logger)
        self._newest: _Newest | None = None

    def page(self, wanted: Wanted, after: str | None, limit: int) -> Page:
        """Return up to ``limit`` ended incidents that are older than position ``after``, newest first.

        Without ``after`` those that go on come before them, all of them.

        Raises:
            Unavailable: Redis is away and this is not known, or a key holds something else.
        """
        # First what goes on: what ends meanwhile is told twice then, and not never.
        going_on = self._going_on(wanted) if after is None else []
        ended: list[Found] = []
        position, read = after, 0
        while True:
            part = self._read(position)
            read += len(part.records)
            all_over = True
            for number, (record_id, found) in enumerate(part.records, 1):
                position = record_id
                is_over = found is not None and wanted.is_over(found.incident)
                all_over = all_over and is_over
                if found is not None and not is_over and wanted.has(found.incident):
                    ended.append(found)
                    if len(ended) == limit:
                        is_end = part.is_last and number == len(part.records)
                        break
            else:
                is_end = part.is_last or all_over
            if is_end or len(ended) == limit or read >= RECORDS_A_PAGE or part.age_seconds is not None:
                break
        known = {found.incident.id for found in ended}
        found_all = [*(found for found in going_on if found.incident.id not in known), *ended]
        return Page(found_all, part.known_since, None if is_end else position, part.age_seconds)

    def pages(self, wanted: Wanted, after: str | None, limit: int | None) -> Iterator[Page]:
        """Return all that ``page`` has from ``after`` on, be it at most ``limit`` ended incidents.

        Raises:
            Unavailable: as ``page``; part of an answer is none.
        """
        left = INCIDENTS_LENGTH_AT_MOST if limit is None else limit
        while left > 0:
            page = self.page(wanted, after, left)
            left -= sum(1 for found in page.found if found.incident.ended is not None)
            yield page
            if page.next is None:
                return
            if page.age_seconds is not None:
                raise NothingKnown(self._readiness.redis_down_since)
            after = page.next

    def _going_on(self, wanted: Wanted) -> list[Found]:
        try:
            latest = self._store.latest(ALERTS_CHANNEL)
        except NothingStored:
            return []
        message = latest.content.message
        assert isinstance(message, Alerts)
        found = [Incident.of(alert) for alert in message.active_alerts if alert.state == "firing"]
        found = sorted(filter(wanted.has, found), key=lambda incident: incident.began, reverse=True)
        return [Found(incident, msgspec.Raw(msgspec.json.encode(incident))) for incident in found]

    def _read(self, position: str | None) -> "_Part":
        """The newest records that are older than a position; with Redis away, the newest ones known."""
        # Nothing is older than 0-0, and Redis takes that for an error.
        is_oldest = position is not None and not position.strip("0-")
        newest_id = "+" if position is None else "0-0" if is_oldest else f"({position}"

        def question(client: redis.Redis) -> list[Any]:
            pipeline = client.pipeline(transaction=False)
            pipeline.xrevrange(INCIDENTS_KEY, max=newest_id, count=RECORDS_AT_ONCE)
            pipeline.xrange(INCIDENTS_KEY, count=1)
            if position is not None:
                pipeline.xrevrange(INCIDENTS_KEY, count=1)
            answers: list[Any] = pipeline.execute()
            return answers

        read_at = self._monotonic()
        try:
            rows, oldest, *further = self._link.ask(question)
        except RedisAway:
            newest = self._newest
            if position is not None or newest is None:
                raise NothingKnown(self._readiness.redis_down_since) from None
            return replace(newest.part, age_seconds=self._monotonic() - newest.read_at)
        except RedisRefused as error:
            self._counters.stored_invalid.labels(INCIDENTS_KEY).inc()
            raise StoredInvalid(INCIDENTS_KEY, str(error)) from None
        known_since = self._known_since(oldest, further[0] if further else rows[:1])
        is_last = len(rows) < RECORDS_AT_ONCE
        while is_last and rows and _FIELD not in rows[-1][1]:
            rows.pop()
        part = _Part(list(self._records(rows)), is_last, known_since)
        if position is None:
            self._newest = _Newest(part, read_at)
        return part

    def _known_since(self, oldest: _Rows, newest: _Rows) -> Timestamp | None:
        """Since when all are recorded; or, where the first of these went, since the oldest one that is kept ended."""
        tells = (fields[_SINCE].decode(errors="replace") for _, fields in (*newest, *oldest) if _SINCE in fields)
        told = next(tells, None)
        for _, fields in oldest:
            if _FIELD not in fields:
                return told
        for _, found in self._records(oldest):
            ended = None if found is None else found.incident.ended
            return max(filter(None, (told, ended)), default=None)
        return told

    def _records(self, rows: _Rows) -> Iterator[tuple[str, Found | None]]:
        """Each record with its id; ``None`` for one that cannot be read, and for what only tells since when."""
        for entry_id, fields in rows:
            raw = fields.get(_FIELD, b"")
            found = None
            if _FIELD in fields or _SINCE not in fields:
                try:
                    found = Found(_decoder().decode(raw), msgspec.Raw(raw))
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                    self._counters.stored_invalid.labels(INCIDENTS_KEY).inc()
                    self._complaints.warning("record", "a record of %s cannot be read: %s", INCIDENTS_KEY, error)
            yield entry_id.decode(), found


@functools.cache
def _decoder() -> msgspec.json.Decoder[Incident]:
    return msgspec.json.Decoder(Incident)
