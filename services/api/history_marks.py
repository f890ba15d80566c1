"""``/api/history/marks``: beginnings and ends of alerts, and nodes that went offline, came online or booted."""

from collections.abc import Iterator
from functools import partial
from operator import attrgetter
from typing import Final, Literal, NamedTuple

import redis
from flask import Blueprint, Response, request

from api.history import HistoryReader
from api.history_range import read_nodes, read_range
from api.incidents import IncidentFilter, IncidentReader
from api.message_store import MessageStore, StoredDataInvalid, collector_time
from api.responses import struct_answer
from api.stream_reader import Rows, StreamReader
from contract.codec import UndecodableMessage
from contract.messages import Incident, Timestamp
from contract.names import NODE_EVENTS_FIELD, NODE_EVENTS_KEY, NODE_EVENTS_SINCE_FIELD
from contract.node_events import NodeEvent, decode_node_event
from contract.rest import HistoryMark, HistoryMarks
from runtime.clock import timestamp, unix_seconds

DEFAULT_RANGE_SECONDS: Final = 24 * 3600
#: Most marks of an answer: the newest ones.
MARKS_LIMIT: Final = 500
#: Records per read of Redis.
RECORDS_PER_READ: Final = 500
#: Longest time, in seconds, between a boot and its event.
LATE_SECONDS: Final = 3600.0

_FIELD: Final = NODE_EVENTS_FIELD.encode()
_SINCE: Final = NODE_EVENTS_SINCE_FIELD.encode()
_at = attrgetter("at")


def marks_routes(
    store: MessageStore, history: HistoryReader, incidents: IncidentReader, events: "NodeEventReader"
) -> Blueprint:
    """Return the route."""
    routes = Blueprint("history_marks", __name__, url_prefix="/api/history")

    @routes.get("/marks")
    def marks() -> Response:
        """The newest marks of the range, oldest first."""
        snapshot = store.snapshot_if_available()
        start_ms, end_ms = read_range(
            request.args, round(1000 * collector_time(snapshot)), default_seconds=DEFAULT_RANGE_SECONDS
        )
        nodes = read_nodes(request.args, "Omit the parameter for all nodes.")
        if nodes:
            history.check_nodes(nodes, snapshot)
        span = Span(start_ms / 1000, end_ms / 1000, frozenset(nodes))
        found_events, known_since = events.read(span)
        found = sorted([*found_events, *_alert_marks(incidents, span)], key=_at)
        return struct_answer(
            HistoryMarks(
                start=timestamp(start_ms / 1000),
                end=timestamp(end_ms / 1000),
                known_since=known_since,
                is_complete=len(found) <= MARKS_LIMIT,
                marks=tuple(found[-MARKS_LIMIT:]),
            )
        )

    return routes


class Span(NamedTuple):
    """The marks of a request. Times are Unix seconds; without ``nodes``: all nodes."""

    start: float
    end: float
    nodes: frozenset[str]

    def includes(self, at: Timestamp) -> bool:
        """Return whether a time is in the span; ``end`` is excluded."""
        try:
            return self.start <= unix_seconds(at) < self.end
        except ValueError:
            return False


def _alert_marks(reader: IncidentReader, span: Span) -> list[HistoryMark]:
    """Return the beginnings and ends of alerts; if there are more than ``MARKS_LIMIT``, at least the newest ones."""
    marks: list[HistoryMark] = []
    after = None
    while True:
        page = reader.page(IncidentFilter(nodes=span.nodes, ended_from=span.start), after, RECORDS_PER_READ)
        if page.age_seconds is not None:
            raise reader.not_read_yet()
        incidents = [stored.incident for stored in page.incidents]
        for incident in incidents:
            marks += _marks_of(incident, span)
        # Incidents come in the order of their ends, newest first, and no incident ends before it begins.
        ends = [incident.ended for incident in incidents if incident.ended is not None]
        is_enough = bool(ends) and sum(mark.at >= ends[-1] for mark in marks) > MARKS_LIMIT
        after = page.next
        if after is None or is_enough:
            return marks


def _marks_of(incident: Incident, span: Span) -> Iterator[HistoryMark]:
    moments: tuple[tuple[Literal["alert_began", "alert_ended"], Timestamp | None], ...]
    moments = ("alert_began", incident.began), ("alert_ended", incident.ended)
    for kind, at in moments:
        if at is not None and span.includes(at):
            yield HistoryMark(
                node=incident.node,
                at=at,
                kind=kind,
                rule=incident.rule,
                severity=incident.severity,
                message=incident.message,
                code=incident.code,
                args=incident.args,
            )


class NodeEventReader:
    """Reads node events. Leaves out events that it cannot decode."""

    def __init__(self, stream: StreamReader) -> None:
        self._stream = stream

    def read(self, span: Span) -> tuple[list[HistoryMark], Timestamp | None]:
        """Return the newest ``MARKS_LIMIT`` + 1 events of ``span``, and the time since which all events are recorded.

        Without a stream, or without the permission to read the stream, there are no events, and no such time.

        Raises:
            DataUnavailable: Redis is away.
        """
        marks: list[HistoryMark] = []
        known_since: Timestamp | None = None
        newest_id = "+"
        while True:
            try:
                rows, oldest = self._stream.ask(partial(_read_rows, newest_id))
            except StoredDataInvalid:
                return [], None
            if newest_id == "+":
                known_since = self._known_since(rows[:1], oldest)
            found = list(self._decoded(rows))
            marks += [mark for mark in found if span.includes(mark.at) and (not span.nodes or mark.node in span.nodes)]
            # A boot is found later than it happens, so the order of the events is not exact.
            is_older = bool(found) and all(unix_seconds(mark.at) < span.start - LATE_SECONDS for mark in found)
            if len(rows) < RECORDS_PER_READ or is_older or len(marks) > 2 * MARKS_LIMIT:
                return marks, known_since
            newest_id = f"({rows[-1][0].decode()}"

    def _decoded(self, rows: Rows) -> Iterator[HistoryMark]:
        for _, fields in rows:
            if _FIELD in fields:
                event = self._stream.decoded(_decode, fields[_FIELD])
                if event is not None:
                    yield HistoryMark(node=event.node, at=event.at, kind=event.kind)

    def _known_since(self, newest: Rows, oldest: Rows) -> Timestamp | None:
        """Return the start of recording; if the stream has dropped old events, the time of the oldest event."""
        starts = [fields[_SINCE].decode(errors="replace") for _, fields in newest if _SINCE in fields]
        if any(_FIELD not in fields for _, fields in oldest):
            return starts[0] if starts else None
        return max([*starts, *(mark.at for mark in self._decoded(oldest))], default=None)


def _read_rows(newest_id: str, client: redis.Redis) -> tuple[Rows, Rows]:
    pipeline = client.pipeline(transaction=False)
    pipeline.xrevrange(NODE_EVENTS_KEY, max=newest_id, count=RECORDS_PER_READ)
    pipeline.xrange(NODE_EVENTS_KEY, count=1)
    rows, oldest = pipeline.execute()
    return rows, oldest


def _decode(raw: bytes) -> NodeEvent:
    event = decode_node_event(raw)
    try:
        unix_seconds(event.at)
    except ValueError as error:
        raise UndecodableMessage(raw, f"not a node event ({error})") from None
    return event
