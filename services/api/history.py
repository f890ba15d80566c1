"""``/api/history``: measures of nodes or of the cluster over any range, with at most the points that a chart shows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec
import redis
from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict

from api.history_grid import E, Grid, StoredEntry, Window, distribution_of, make_grid, values_of
from api.history_range import read_nodes, read_range
from api.message_store import MessageStore, StoredDataInvalid, collector_time
from api.problems import RequestRefused
from api.query_parameters import choices, wants_csv, whole_number
from api.responses import Cell, csv_answer, struct_answer
from api.stream_reader import Rows, StreamReader
from contract.distribution import DISTRIBUTED, Distribution, decode_distribution, merge_distributions
from contract.history import (
    CLUSTER_NODE,
    MEASURES,
    RESOLUTIONS,
    HistoryEntry,
    Resolution,
    decode_entry,
    merge,
)
from contract.messages import Snapshot
from contract.names import HISTORY_FIELD, distribution_key, history_key
from contract.rest import DistributionValues, History, HistoryDistribution, HistorySeries
from runtime.clock import timestamp, unix_seconds
from runtime.quoting import quoted

DEFAULT_POINTS: Final = 360
POINTS_LIMITS: Final = (2, 1000)

#: Nodes per round trip, so that no single answer of Redis is huge.
NODES_PER_READ: Final = 10
#: Most entries that are read from one stream. The collector keeps about 370.
ENTRIES_LIMIT: Final = 2000

_FIELD: Final = HISTORY_FIELD.encode()


def history_routes(store: MessageStore, reader: "HistoryReader") -> Blueprint:
    """Return the route."""
    routes = Blueprint("history", __name__, url_prefix="/api/history")

    @routes.get("")
    def history() -> Response:
        """Minimum, average and maximum of each measure and step."""
        is_table = wants_csv()
        snapshot = store.snapshot_if_available()
        now_ms = round(1000 * collector_time(snapshot))
        query = read_query(request.args, now_ms)
        reader.check_nodes(query.nodes, snapshot)
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
        return _table(found, query.measures) if is_table else struct_answer(found)

    return routes


@dataclass(frozen=True)
class HistoryQuery:
    """A valid request. Times are Unix milliseconds.

    ``nodes`` contains ``CLUSTER_NODE`` for the averages of the cluster.
    """

    nodes: tuple[str, ...]
    measures: tuple[str, ...]
    start_ms: int
    end_ms: int
    points: int


def read_query(args: MultiDict[str, str], now_ms: int) -> HistoryQuery:
    """Return the query of a request made at ``now_ms``.

    Raises:
        RequestRefused: a parameter is not valid; the text names the parameter.
    """
    start_ms, end_ms = read_range(args, now_ms)
    points = whole_number(args, "points", POINTS_LIMITS, 9)
    return HistoryQuery(
        nodes=read_nodes(args, "Omit the parameter for the cluster's averages.") or (CLUSTER_NODE,),
        measures=choices(args, "measure", MEASURES) or tuple(MEASURES),
        start_ms=start_ms,
        end_ms=end_ms,
        points=DEFAULT_POINTS if points is None else points,
    )


def _distribution(reader: "HistoryReader", query: HistoryQuery, grid: Grid) -> HistoryDistribution | None:
    """Return the distribution of the query's measures over all nodes; ``None`` if no step has one."""
    measures = [measure for measure in query.measures if measure in DISTRIBUTED]
    cells = reader.read_distribution(grid) if measures else []
    if not any(cells):
        return None
    return HistoryDistribution(measures={measure: distribution_of(cells, measure) for measure in measures})


def _table(history: History, measures: Sequence[str]) -> Response:
    """Answer ``history`` as CSV. The ``node`` column is empty for the averages of the cluster."""
    header = ["start", "node", *(f"{measure}_{kind}" for measure in measures for kind in ("min", "avg", "max"))]
    distributed = {} if history.distribution is None else history.distribution.measures
    header += [f"{measure}_nodes_{kind}" for measure in distributed for kind in DistributionValues.__struct_fields__]
    return csv_answer("history", header, _rows(history, measures))


def _rows(history: History, measures: Sequence[str]) -> Iterator[list[Cell]]:
    start = unix_seconds(history.start)
    for series in history.series:
        values = [series.measures[measure] for measure in measures]
        columns: list[Sequence[Cell]] = [column for each in values for column in (each.min, each.avg, each.max)]
        if history.distribution is not None:
            for each in history.distribution.measures.values():
                columns += msgspec.structs.astuple(each)
        for number, row in enumerate(zip(*columns, strict=True)):
            yield [timestamp(start + number * history.step_seconds), series.node, *row]


class HistoryReader:
    """Reads history entries. Leaves out entries that it cannot decode."""

    def __init__(self, streams: StreamReader) -> None:
        self._streams = streams

    def read(self, nodes: Sequence[str], grid: Grid) -> Iterator[tuple[str, list[HistoryEntry | None]]]:
        """Yield each node with one entry, or ``None``, for each step of ``grid``.

        Raises:
            DataUnavailable: Redis is away, or a key is not a stream.
        """
        windows = grid.windows()
        for first in range(0, len(nodes), NODES_PER_READ):
            some = nodes[first : first + NODES_PER_READ]
            answers = self._ask([partial(history_key, node=node) for node in some], windows)
            for position, node in enumerate(some):
                own = answers[position * len(windows) : (position + 1) * len(windows)]
                yield node, grid.fill(self._decoded(windows, own, decode_entry), merge)

    def read_distribution(self, grid: Grid) -> list[Distribution | None]:
        """Return the cluster's distribution, or ``None``, for each step of ``grid``.

        The list is empty if Redis rejects the read.

        Raises:
            DataUnavailable: Redis is away.
        """
        windows = grid.windows()
        try:
            answers = self._ask([distribution_key], windows)
        except StoredDataInvalid:
            return []
        return grid.fill(self._decoded(windows, answers, decode_distribution), merge_distributions)

    def check_nodes(self, nodes: Sequence[str], snapshot: Snapshot | None) -> None:
        """Refuse a request for nodes that are neither in the snapshot nor in history. Without a snapshot, accept it.

        Raises:
            RequestRefused: none of the nodes is known.
            DataUnavailable: Redis is away, or a key is not a stream.
        """
        is_known = snapshot is None or CLUSTER_NODE in nodes or any(node.node in nodes for node in snapshot.nodes)
        if not is_known and not self._has_any(nodes):
            raise RequestRefused(404, f"No node is called {quoted(nodes[0])}. GET /api/cluster/nodes lists all nodes.")

    def _has_any(self, nodes: Sequence[str]) -> bool:
        def query_entries(client: redis.Redis) -> list[Rows]:
            pipeline = client.pipeline(transaction=False)
            for node in nodes:
                for resolution in RESOLUTIONS:
                    pipeline.xrevrange(history_key(resolution.seconds, node), count=1)
            answers: list[Rows] = pipeline.execute()
            return answers

        return any(self._streams.ask(query_entries))

    def _ask(self, keys: Sequence[Callable[[int], str]], windows: Sequence[Window]) -> list[Rows]:
        def query_entries(client: redis.Redis) -> list[Rows]:
            pipeline = client.pipeline(transaction=False)
            for key_of in keys:
                for window in windows:
                    key = key_of(window.resolution.seconds)
                    pipeline.xrange(key, max(0, window.start_ms), max(0, window.end_ms - 1), count=ENTRIES_LIMIT)
            answers: list[Rows] = pipeline.execute()
            return answers

        return self._streams.ask(query_entries)

    def _decoded(
        self, windows: Sequence[Window], answers: Sequence[Rows], decode: Callable[[bytes], E]
    ) -> list[tuple[Resolution, Iterator[StoredEntry[E]]]]:
        return [(window.resolution, self._stored(rows, decode)) for window, rows in zip(windows, answers, strict=True)]

    def _stored(self, rows: Rows, decode: Callable[[bytes], E]) -> Iterator[StoredEntry[E]]:
        for entry_id, fields in rows:
            entry = self._streams.decoded(decode, fields.get(_FIELD, b""))
            if entry is not None:
                start_ms, epoch = entry_id.split(b"-")
                yield StoredEntry(int(start_ms), int(epoch), entry)
