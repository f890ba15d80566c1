"""``/api/history``: what nodes were like, over any range, in at most the points that a chart can show."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import redis
from flask import Blueprint, Response, request

from api.answers import struct_answer
from api.counters import Counters
from api.history_grid import E, Grid, Stored, Window, distribution_of, make_grid, values_of
from api.history_query import Query, read_query
from api.history_table import history_table
from api.link import RedisLink
from api.problems import Refusal
from api.spreadsheet import wants_csv
from api.store import Store
from api.unavailable import NothingKnown, StoredInvalid, Unavailable
from contract.codec import UndecodableMessage
from contract.distribution import DISTRIBUTED, Distribution, decode_distribution, merge_distributions
from contract.history import CLUSTER_NODE, STEPS, Entry, Step, decode_entry, merge
from contract.messages import Snapshot
from contract.names import HISTORY_FIELD, HISTORY_KEYS, distribution_key, history_key
from contract.rest import History, HistoryDistribution, HistorySeries
from runtime.clock import timestamp, unix_seconds
from runtime.logs import Occasionally
from runtime.quoted import quoted
from runtime.readiness import Readiness
from runtime.redis_failures import RedisAway, RedisRefused

#: Nodes that are read in one round trip, so that no single answer of Redis is huge.
NODES_AT_ONCE: Final = 10
#: Entries that are read of one stream at most; the collector keeps about 370.
ENTRIES_LIMIT: Final = 2000

_logger = logging.getLogger(__name__)
_Rows = list[tuple[bytes, dict[bytes, bytes]]]
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
            distribution=_distribution(reader, query, grid) if CLUSTER_NODE in query.nodes else None,
        )
        return history_table(found, query.measures) if is_table else struct_answer(found)

    return routes


def _distribution(reader: "HistoryReader", query: Query, grid: Grid) -> HistoryDistribution | None:
    """How the measures that are asked for lie over all nodes; ``None`` where that is not known in any step."""
    measures = [measure for measure in query.measures if measure in DISTRIBUTED]
    cells = reader.read_distribution(grid) if measures else []
    if not any(cells):
        return None
    return HistoryDistribution(measures={measure: distribution_of(cells, measure) for measure in measures})


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
            answers = self._ask([partial(history_key, node=node) for node in some], windows)
            for position, node in enumerate(some):
                own = answers[position * len(windows) : (position + 1) * len(windows)]
                yield node, grid.fill(self._streams(windows, own, decode_entry), merge)

    def read_distribution(self, grid: Grid) -> list[Distribution | None]:
        """The cluster's distribution, or ``None``, for each step of ``grid``; none at all where Redis refuses it.

        Raises:
            Unavailable: Redis is away.
        """
        windows = grid.windows()
        try:
            answers = self._ask([distribution_key], windows)
        except StoredInvalid:
            return []
        return grid.fill(self._streams(windows, answers, decode_distribution), merge_distributions)

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

    def _ask(self, keys: Sequence[Callable[[int], str]], windows: Sequence[Window]) -> list[Any]:
        def question(client: redis.Redis) -> list[Any]:
            pipeline = client.pipeline(transaction=False)
            for key_of in keys:
                for window in windows:
                    key = key_of(window.step.seconds)
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

    def _streams(
        self, windows: Sequence[Window], answers: Sequence[_Rows], decoded: Callable[[bytes], E]
    ) -> list[tuple[Step, Iterator[Stored[E]]]]:
        return [(window.step, self._stored(rows, decoded)) for window, rows in zip(windows, answers, strict=True)]

    def _stored(self, rows: _Rows, decoded: Callable[[bytes], E]) -> Iterator[Stored[E]]:
        for entry_id, fields in rows:
            try:
                entry = decoded(fields.get(_FIELD, b""))
            except UndecodableMessage as error:
                self._counters.stored_invalid.labels(HISTORY_KEYS).inc()
                self._complaints.warning("entry", "an entry under %s cannot be read: %s", HISTORY_KEYS, error)
                continue
            start_ms, epoch = entry_id.split(b"-")
            yield Stored(int(start_ms), int(epoch), entry)
