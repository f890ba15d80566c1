"""``/api/history``: what nodes were like, over any range, in at most the points that a chart can show."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import redis
from flask import Blueprint, Response, request

from api.answers import struct_answer
from api.counters import Counters
from api.history_grid import Grid, Stored, Window, make_grid, values_of
from api.history_query import read_query
from api.history_table import history_table
from api.link import RedisAway, RedisLink, RedisRefused
from api.problems import Refusal
from api.spreadsheet import wants_csv
from api.store import Store
from api.unavailable import NothingKnown, StoredInvalid, Unavailable
from contract.clock import timestamp, unix_seconds
from contract.codec import UndecodableMessage
from contract.history import CLUSTER_NODE, STEPS, Entry, decode_entry
from contract.messages import Snapshot
from contract.names import HISTORY_FIELD, HISTORY_KEYS, history_key
from contract.rest import History, HistorySeries
from contract.runtime.logs import Occasionally
from contract.runtime.quoted import quoted
from contract.runtime.readiness import Readiness

#: Nodes that are read in one round trip, so that no single answer of Redis is huge.
NODES_AT_ONCE: Final = 10
#: Entries that are read of one stream at most; the collector keeps about 370.
ENTRIES_LIMIT: Final = 2000

_logger = logging.getLogger(__name__)
_FIELD: Final = HISTORY_FIELD.encode()


def history_routes(store: Store, reader: "HistoryReader") -> Blueprint:
    """Make the route."""
    routes = Blueprint("history", __name__, url_prefix="/api/history")

    @routes.get("")
    def history() -> Response:
        """Minimum, average and maximum of each measure and step."""
        is_table = wants_csv()
        snapshot = _newest(store)
        now_ms = _now_ms(snapshot)
        query = read_query(request.args, now_ms)
        if snapshot is not None and not _has_any(snapshot, query.nodes) and not reader.has_any(query.nodes):
            raise Refusal(404, f"No node is called {quoted(query.nodes[0])}. GET /api/cluster/nodes lists them.")
        interval_seconds = 0.0 if snapshot is None else snapshot.interval_seconds
        grid = make_grid(query.start_ms, query.end_ms, query.points, now_ms=now_ms, interval_seconds=interval_seconds)
        series = []
        for node, cells in reader.read(query.nodes, grid):
            measures = {measure: values_of(cells, measure) for measure in query.measures}
            series.append(HistorySeries(node=None if node == CLUSTER_NODE else node, measures=measures))
        found = History(
            start=timestamp(grid.start_ms / 1000),
            end=timestamp(grid.end_ms / 1000),
            step_seconds=grid.step_ms // 1000,
            series=tuple(series),
        )
        return history_table(found, query.measures) if is_table else struct_answer(found)

    return routes


def _newest(store: Store) -> Snapshot | None:
    """The newest snapshot, if there is one."""
    try:
        _, snapshot = store.snapshot()
    except Unavailable:
        return None
    return snapshot


def _now_ms(snapshot: Snapshot | None) -> int:
    """When the newest snapshot was made, in Unix milliseconds, by the clock that history goes by."""
    try:
        return round(1000 * (time.time() if snapshot is None else unix_seconds(snapshot.timestamp)))
    except ValueError:
        return round(1000 * time.time())


def _has_any(snapshot: Snapshot, nodes: Sequence[str]) -> bool:
    return CLUSTER_NODE in nodes or any(node.node in nodes for node in snapshot.nodes)


class HistoryReader:
    """Reads entries. Those that the collector did not write are left out and counted."""

    def __init__(self, link: RedisLink, readiness: Readiness, counters: Counters) -> None:
        self._link = link
        self._readiness = readiness
        self._counters = counters
        self._complaints = Occasionally(_logger)

    def read(self, nodes: Sequence[str], grid: Grid) -> Iterator[tuple[str, list[Entry | None]]]:
        """Each node with an entry, or ``None``, for each step of ``grid``.

        Raises:
            Unavailable: Redis is away, or a key holds something else.
        """
        windows = grid.windows()
        for first in range(0, len(nodes), NODES_AT_ONCE):
            some = nodes[first : first + NODES_AT_ONCE]
            answers = self._ask(some, windows)
            for position, node in enumerate(some):
                own = answers[position * len(windows) : (position + 1) * len(windows)]
                streams = [(window.step, self._stored(rows)) for window, rows in zip(windows, own, strict=True)]
                yield node, grid.fill(streams)

    def has_any(self, nodes: Sequence[str]) -> bool:
        """Whether there is an entry of any of these nodes.

        Raises:
            Unavailable: as ``read``.
        """

        def question(client: redis.Redis) -> list[Any]:
            pipeline = client.pipeline(transaction=False)
            for node in nodes:
                for step in STEPS:
                    pipeline.xrevrange(history_key(step.seconds, node), count=1)
            answers: list[Any] = pipeline.execute()
            return answers

        return any(self._answers(question))

    def _ask(self, nodes: Sequence[str], windows: Sequence[Window]) -> list[Any]:
        def question(client: redis.Redis) -> list[Any]:
            pipeline = client.pipeline(transaction=False)
            for node in nodes:
                for window in windows:
                    key = history_key(window.step.seconds, node)
                    pipeline.xrange(key, max(0, window.start_ms), max(0, window.end_ms - 1), count=ENTRIES_LIMIT)
            answers: list[Any] = pipeline.execute()
            return answers

        return self._answers(question)

    def _answers(self, question: Callable[[redis.Redis], list[Any]]) -> list[Any]:
        try:
            return self._link.ask(question)
        except RedisAway:
            raise NothingKnown(self._readiness.redis_down_since) from None
        except RedisRefused as error:
            self._counters.stored_invalid.labels(HISTORY_KEYS).inc()
            raise StoredInvalid(HISTORY_KEYS, str(error)) from None

    def _stored(self, rows: list[tuple[bytes, dict[bytes, bytes]]]) -> Iterator[Stored]:
        for entry_id, fields in rows:
            try:
                entry = decode_entry(fields.get(_FIELD, b""))
            except UndecodableMessage as error:
                self._counters.stored_invalid.labels(HISTORY_KEYS).inc()
                self._complaints.warning("entry", "an entry under %s cannot be read: %s", HISTORY_KEYS, error)
                continue
            start_ms, epoch = entry_id.split(b"-")
            yield Stored(int(start_ms), int(epoch), entry)
