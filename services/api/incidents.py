"""``/api/incidents``: each alert that fired as one incident, from its beginning to its end.

Ongoing incidents come from the alerts message. Ended incidents come from their stream, newest first.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, get_args

import msgspec
import redis
from flask import Blueprint, Response, request

from api.message_store import MessageStore, NotReadYet, NotStored, collector_time
from api.query_parameters import choices, position, wants_csv, whole_number
from api.responses import Cell, csv_answer, json_answer, with_age
from api.stream_reader import Rows, StreamReader
from contract.codec import encode
from contract.messages import Alerts, Incident, Severity, Timestamp
from contract.names import ALERTS_CHANNEL, INCIDENTS_FIELD, INCIDENTS_KEY, INCIDENTS_LENGTH, INCIDENTS_SINCE_FIELD
from runtime.clock import unix_seconds

#: Default and largest number of ended incidents in a result page.
DEFAULT_LIMIT: Final = 100
LARGEST_LIMIT: Final = 1000
#: Longest range, in hours: a leap year. Without a range, all incidents are answered.
LARGEST_HOURS: Final = 366 * 24
#: Transitions of an alert. An incident begins with "firing" and ends with "resolved".
TRANSITIONS: Final = ("firing", "resolved", "pending")
#: Fields of an incident that become a column of the CSV table.
COLUMNS: Final = tuple(field for field in Incident.__struct_fields__ if field not in ("code", "args"))

#: Records per read of Redis, and most records for one result page. The next page has the others, even if this page is
#: almost empty.
RECORDS_PER_READ: Final = 500
RECORDS_PER_PAGE: Final = 5000
#: Most records of a table, a little more than the stream keeps.
TABLE_RECORDS_LIMIT: Final = INCIDENTS_LENGTH + 1000

_FIELD: Final = INCIDENTS_FIELD.encode()
_SINCE: Final = INCIDENTS_SINCE_FIELD.encode()
_DECODER: Final = msgspec.json.Decoder(Incident)


def incident_routes(store: MessageStore, reader: "IncidentReader") -> Blueprint:
    """Return the route."""
    routes = Blueprint("incidents", __name__, url_prefix="/api/incidents")

    @routes.get("")
    def incidents() -> Response:
        """A result page, newest first. On the first page all ongoing incidents come before the ended ones."""
        incident_filter = _incident_filter(store)
        after = position(request.args, "after", "the 'next' of a previous page")
        limit = whole_number(request.args, "limit", (1, LARGEST_LIMIT), 6)
        if wants_csv():
            return _table(reader.pages(incident_filter, after, limit))
        page = reader.page(incident_filter, after, limit or DEFAULT_LIMIT)
        body = _PageJson([stored.raw for stored in page.incidents], page.known_since, page.next)
        return json_answer(encode(body), page.age_seconds)

    return routes


class _PageJson(msgspec.Struct):
    """``IncidentsPage`` with the stored JSON of its incidents."""

    incidents: list[msgspec.Raw]
    known_since: str | None
    next: str | None


def _table(pages: "Iterable[IncidentResultPage]") -> Response:
    incidents: list[StoredIncident] = []
    age_seconds = None
    for page in pages:
        incidents += page.incidents
        age_seconds = page.age_seconds
    rows = ([_cell(each.incident, column) for column in COLUMNS] for each in incidents)
    return with_age(csv_answer("incidents", COLUMNS, rows), age_seconds)


def _cell(incident: Incident, column: str) -> Cell:
    if column == "subject":
        return None if incident.subject is None else incident.subject.name
    value: Cell = getattr(incident, column)
    return value


def _incident_filter(store: MessageStore) -> "IncidentFilter":
    hours = whole_number(request.args, "hours", (1, LARGEST_HOURS), 6)
    return IncidentFilter(
        nodes=frozenset(request.args.getlist("node")),
        rules=frozenset(request.args.getlist("rule")),
        severities=frozenset(choices(request.args, "severity", get_args(Severity))),
        transitions=frozenset(choices(request.args, "transition", TRANSITIONS)),
        text=searchable(request.args.get("q", "")).strip(),
        ended_from=None if hours is None else collector_time(store.snapshot_if_available()) - 3600 * hours,
    )


@dataclass(frozen=True)
class IncidentFilter:
    """Selects incidents. An empty field, or ``None``, excludes no incident."""

    nodes: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    #: ``firing`` selects ongoing incidents, ``resolved`` selects ended ones. No incident is ``pending``.
    transitions: frozenset[str] = frozenset()
    #: In lower case and without non-breaking spaces. A part of the node's name or of the English message.
    text: str = ""
    #: Unix time. Excludes incidents that ended earlier.
    ended_from: float | None = None

    def matches(self, incident: Incident) -> bool:
        """Return whether the filter selects the incident, regardless of its end."""
        return (
            (not self.nodes or incident.node in self.nodes)
            and (not self.rules or incident.rule in self.rules)
            and (not self.severities or incident.severity in self.severities)
            and (not self.transitions or _transition(incident) in self.transitions)
            and (self.text in incident.node.lower() or self.text in searchable(incident.message))
        )

    def is_too_old(self, incident: Incident) -> bool:
        """Return whether the incident ended before ``ended_from``."""
        if self.ended_from is None or incident.ended is None:
            return False
        try:
            return unix_seconds(incident.ended) < self.ended_from
        except ValueError:
            return False


def searchable(text: str) -> str:
    """Return a text in the form used for search: in lower case and without non-breaking spaces."""
    return text.replace("\N{NO-BREAK SPACE}", " ").lower()


def _transition(incident: Incident) -> str:
    return "firing" if incident.ended is None else "resolved"


class StoredIncident(NamedTuple):
    """An incident, decoded and as stored JSON."""

    incident: Incident
    raw: msgspec.Raw


@dataclass(frozen=True)
class IncidentResultPage:
    """Incidents, the time since which records are complete, and the position of the next page (``None`` for the last).

    ``age_seconds`` is ``None`` unless the incidents come from memory.
    """

    incidents: Sequence[StoredIncident]
    known_since: Timestamp | None
    next: str | None
    age_seconds: float | None = None


@dataclass(frozen=True)
class _RecordBatch:
    """Consecutive records with their ids, newest first."""

    records: list[tuple[str, StoredIncident | None]]
    #: Whether the stream has no older records.
    is_last: bool
    known_since: Timestamp | None
    age_seconds: float | None = None


@dataclass(frozen=True)
class _NewestBatch:
    """The newest records, as read last."""

    batch: _RecordBatch
    read_at: float


class IncidentReader:
    """Reads incidents. Leaves out and counts records that it cannot decode."""

    def __init__(
        self,
        stream: StreamReader,
        store: MessageStore,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._store = store
        self._monotonic = monotonic
        self._newest: _NewestBatch | None = None

    def page(self, incident_filter: IncidentFilter, after: str | None, limit: int) -> IncidentResultPage:
        """Return up to ``limit`` ended incidents older than position ``after``, newest first.

        Without ``after``, all ongoing incidents come before them.

        Raises:
            DataUnavailable: Redis is away and memory lacks the incidents, or a key is not valid.
        """
        # Ongoing incidents first: an incident that ends in the meantime is then found twice, and not missed.
        ongoing = self._ongoing(incident_filter) if after is None else []
        ended: list[StoredIncident] = []
        position, read = after, 0
        while True:
            batch = self._read(position)
            read += len(batch.records)
            all_too_old = True
            for number, (record_id, stored) in enumerate(batch.records, 1):
                position = record_id
                is_too_old = stored is not None and incident_filter.is_too_old(stored.incident)
                all_too_old = all_too_old and is_too_old
                if stored is not None and not is_too_old and incident_filter.matches(stored.incident):
                    ended.append(stored)
                    if len(ended) == limit:
                        is_end = batch.is_last and number == len(batch.records)
                        break
            else:
                is_end = batch.is_last or all_too_old
            if is_end or len(ended) == limit or read >= RECORDS_PER_PAGE or batch.age_seconds is not None:
                break
        known = {stored.incident.id for stored in ended}
        incidents = [*(stored for stored in ongoing if stored.incident.id not in known), *ended]
        return IncidentResultPage(incidents, batch.known_since, None if is_end else position, batch.age_seconds)

    def pages(
        self, incident_filter: IncidentFilter, after: str | None, limit: int | None
    ) -> Iterator[IncidentResultPage]:
        """Yield all pages from ``after`` on, with at most ``limit`` ended incidents.

        Raises:
            DataUnavailable: as for ``page``. An incomplete table is not answered.
        """
        left = TABLE_RECORDS_LIMIT if limit is None else limit
        while left > 0:
            page = self.page(incident_filter, after, left)
            left -= sum(1 for stored in page.incidents if stored.incident.ended is not None)
            yield page
            if page.next is None:
                return
            if page.age_seconds is not None:
                raise self.not_read_yet()
            after = page.next

    def not_read_yet(self) -> NotReadYet:
        """Return the exception for a request that the records in memory cannot answer completely."""
        return self._stream.not_read_yet()

    def _ongoing(self, incident_filter: IncidentFilter) -> list[StoredIncident]:
        try:
            latest = self._store.latest(ALERTS_CHANNEL)
        except NotStored:
            return []
        message = latest.stored.message
        assert isinstance(message, Alerts)
        incidents = [Incident.of(alert) for alert in message.active_alerts if alert.state == "firing"]
        incidents = sorted(
            filter(incident_filter.matches, incidents), key=lambda incident: incident.began, reverse=True
        )
        return [StoredIncident(incident, msgspec.Raw(msgspec.json.encode(incident))) for incident in incidents]

    def _read(self, position: str | None) -> "_RecordBatch":
        """Return the newest records older than ``position``; while Redis is away, the newest remembered records."""
        # No id is lower than 0-0, and Redis rejects "(0-0" with an error.
        is_oldest = position is not None and not position.strip("0-")
        newest_id = "+" if position is None else "0-0" if is_oldest else f"({position}"

        def query(client: redis.Redis) -> list[Rows]:
            pipeline = client.pipeline(transaction=False)
            pipeline.xrevrange(INCIDENTS_KEY, max=newest_id, count=RECORDS_PER_READ)
            pipeline.xrange(INCIDENTS_KEY, count=1)
            if position is not None:
                pipeline.xrevrange(INCIDENTS_KEY, count=1)
            answers: list[Rows] = pipeline.execute()
            return answers

        read_at = self._monotonic()
        try:
            rows, oldest, *further = self._stream.ask(query)
        except NotReadYet:
            newest = self._newest
            if position is not None or newest is None:
                raise
            return replace(newest.batch, age_seconds=self._monotonic() - newest.read_at)
        known_since = self._known_since(oldest, further[0] if further else rows[:1])
        is_last = len(rows) < RECORDS_PER_READ
        while is_last and rows and _FIELD not in rows[-1][1]:
            rows.pop()
        batch = _RecordBatch(list(self._records(rows)), is_last, known_since)
        if position is None:
            self._newest = _NewestBatch(batch, read_at)
        return batch

    def _known_since(self, oldest: Rows, newest: Rows) -> Timestamp | None:
        """Return the time since which the records are complete.

        This is the start of recording; if the stream has dropped old records, it is the end of the oldest incident.
        """
        starts = (fields[_SINCE].decode(errors="replace") for _, fields in (*newest, *oldest) if _SINCE in fields)
        recorded_since = next(starts, None)
        for _, fields in oldest:
            if _FIELD not in fields:
                return recorded_since
        for _, stored in self._records(oldest):
            ended = None if stored is None else stored.incident.ended
            return max(filter(None, (recorded_since, ended)), default=None)
        return recorded_since

    def _records(self, rows: Rows) -> Iterator[tuple[str, StoredIncident | None]]:
        """Yield each record with its id.

        ``None`` stands for an unreadable record, and for a record that only marks the start of recording.
        """
        for entry_id, fields in rows:
            raw = fields.get(_FIELD, b"")
            incident = None
            if _FIELD in fields or _SINCE not in fields:
                incident = self._stream.decoded(_DECODER.decode, raw)
            yield entry_id.decode(), None if incident is None else StoredIncident(incident, msgspec.Raw(raw))
