"""``/api/history/top``: the nodes in the order of one measure's average or maximum over a range.

The ranking is computed from the stored history of all nodes, in pieces, by one request at a time. Others wait for that
computation, and get the same ranking for ``CACHE_SECONDS``.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import redis
from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict

from api.history_grid import StoredEntry, without_repetitions
from api.history_range import read_range
from api.message_store import MessageStore, collector_time
from api.problems import RequestRefused
from api.query_parameters import choices, wants_csv, whole_number
from api.responses import csv_answer, struct_answer, with_age
from api.stream_reader import Rows, StreamReader
from contract.history import MEASURES, RESOLUTIONS, MeasuredEntry, Resolution, measure_decoder
from contract.names import HISTORY_FIELD, history_key
from contract.rest import HistoryTop, RankedNode
from runtime.clock import timestamp

By = Literal["avg", "max"]
BY: Final[tuple[By, ...]] = ("avg", "max")
DEFAULT_MEASURE: Final = "cpu_usage"
DEFAULT_RANGE_SECONDS: Final = 24 * 3600
LARGEST_LIMIT: Final = 10_000
#: Seconds for which a ranking is answered again, and most rankings in memory.
CACHE_SECONDS: Final = 30.0
CACHE_LENGTH: Final = 32
#: Most steps of a finer resolution than half an hour. Then two hours have 30 steps of four minutes.
FINE_STEPS: Final = 60
#: Most entries of one answer of Redis, about a megabyte: Redis needs about a millisecond for them, and the api 40 ms.
ENTRIES_PER_READ: Final = 5000

_FIELD: Final = HISTORY_FIELD.encode()


def top_routes(store: MessageStore, rankings: "Rankings") -> Blueprint:
    """Return the route."""
    routes = Blueprint("history_top", __name__, url_prefix="/api/history")

    @routes.get("/top")
    def top() -> Response:
        """The nodes with a value, highest first."""
        is_table = wants_csv()
        snapshot = store.snapshot_if_available()
        now_ms = round(1000 * collector_time(snapshot))
        query = read_query(request.args, now_ms)
        limit = whole_number(request.args, "limit", (1, LARGEST_LIMIT), 6)
        if snapshot is None:
            _, snapshot = store.snapshot()
        ranking, age_seconds = rankings.get(query, [node.node for node in snapshot.nodes], now_ms)
        nodes = ranking.nodes[:limit]
        if is_table:
            rows = ([node.node, node.value, node.at] for node in nodes)
            return with_age(csv_answer("top", RankedNode.__struct_fields__, rows), age_seconds)
        found = HistoryTop(
            measure=query.measure,
            by=query.by,
            start=timestamp(query.start_ms / 1000),
            end=timestamp(query.end_ms / 1000),
            computed_at=ranking.computed_at,
            nodes=nodes,
        )
        return with_age(struct_answer(found), age_seconds)

    return routes


class TopQuery(NamedTuple):
    """A ranking: the key of the cache. Times are Unix milliseconds, and multiples of the steps of ``resolution``."""

    measure: str
    by: By
    resolution: Resolution
    start_ms: int
    end_ms: int


def read_query(args: MultiDict[str, str], now_ms: int) -> TopQuery:
    """Return the query of a request made at ``now_ms``.

    Raises:
        RequestRefused: a parameter is not valid; the text names the parameter.
    """
    start_ms, end_ms = read_range(args, now_ms, DEFAULT_RANGE_SECONDS)
    measures = choices(args, "measure", MEASURES) or (DEFAULT_MEASURE,)
    if len(measures) > 1:
        raise RequestRefused(400, "The parameter 'measure' takes one measure.")
    by = next((by for by in BY if by == args.get("by", BY[0])), None)
    if by is None:
        raise RequestRefused(400, f"The parameter 'by' takes one of: {', '.join(BY)}.")
    resolution = _resolution(start_ms, end_ms, now_ms)
    step_ms = 1000 * resolution.seconds
    return TopQuery(measures[0], by, resolution, start_ms // step_ms * step_ms, -(-end_ms // step_ms) * step_ms)


def _resolution(start_ms: int, end_ms: int, now_ms: int) -> Resolution:
    """Return the finest resolution that reaches back to the start and has at most ``FINE_STEPS`` in the range."""
    for resolution in RESOLUTIONS[:-1]:
        is_kept = start_ms >= now_ms - 1000 * resolution.retention_seconds
        if is_kept and end_ms - start_ms <= FINE_STEPS * 1000 * resolution.seconds:
            return resolution
    return RESOLUTIONS[-1]


@dataclass(frozen=True)
class Ranking:
    """Nodes with a value, highest first."""

    nodes: tuple[RankedNode, ...]
    computed_at: str


class _Kept(NamedTuple):
    ranking: Ranking
    computed_at: float


@dataclass
class Rankings:
    """Computes rankings, one at a time in this process, and keeps them for ``CACHE_SECONDS``."""

    streams: StreamReader
    monotonic: Callable[[], float] = time.monotonic
    _computing: threading.Lock = field(default_factory=threading.Lock)
    _kept: dict[TopQuery, _Kept] = field(default_factory=dict)

    def get(self, query: TopQuery, nodes: Sequence[str], now_ms: int) -> tuple[Ranking, float | None]:
        """Return the ranking of ``nodes``, and its age in seconds if it was computed for an earlier request.

        Raises:
            DataUnavailable: Redis is away, or a key is not a stream.
        """
        asked_at = self.monotonic()
        kept = self._fresh(query)
        if kept is None:
            with self._computing:
                # Another request may have computed the ranking in the meantime.
                kept = self._fresh(query)
                if kept is None:
                    ranking = Ranking(self._compute(query, nodes, now_ms), timestamp(now_ms / 1000))
                    self._keep(query, _Kept(ranking, self.monotonic()))
                    return ranking, None
        return kept.ranking, max(0.0, asked_at - kept.computed_at)

    def _fresh(self, query: TopQuery) -> _Kept | None:
        kept = self._kept.get(query)
        return kept if kept is not None and self.monotonic() - kept.computed_at < CACHE_SECONDS else None

    def _keep(self, query: TopQuery, kept: _Kept) -> None:
        # Rankings that are too old go first, then the oldest ones. Only the thread with the lock changes them.
        others = {key: each for key, each in self._kept.items() if key != query and self._fresh(key) is not None}
        newest = sorted(others.items(), key=lambda item: item[1].computed_at)[-(CACHE_LENGTH - 1) :]
        self._kept = {**dict(newest), query: kept}

    def _compute(self, query: TopQuery, nodes: Sequence[str], now_ms: int) -> tuple[RankedNode, ...]:
        values = _Values(query)
        steps = (query.end_ms - query.start_ms) // (1000 * query.resolution.seconds)
        at_once = max(1, ENTRIES_PER_READ // min(steps, query.resolution.range_seconds // query.resolution.seconds))
        decode = measure_decoder(query.measure)
        for first in range(0, len(nodes), at_once):
            some = nodes[first : first + at_once]
            for node, streams in zip(some, self._read(query, some, now_ms), strict=True):
                stored = without_repetitions([(resolution, self._stored(rows, decode)) for resolution, rows in streams])
                values.add(node, stored)
        return values.ranked()

    def _read(self, query: TopQuery, nodes: Sequence[str], now_ms: int) -> list[list[tuple[Resolution, Rows]]]:
        """Return the entries of each node, and finer entries for the step that is not stored yet."""
        step_ms = 1000 * query.resolution.seconds
        stored = self._ranges(query.resolution, [(node, query.start_ms, query.end_ms) for node in nodes])
        finer = query.resolution.source
        current_ms = now_ms // step_ms * step_ms
        if finer is None or query.end_ms <= current_ms - step_ms:
            return [[(query.resolution, rows)] for rows in stored]
        ranges = []
        for node, rows in zip(nodes, stored, strict=True):
            # The step before the current one may be missing, too: the collector writes it a little later.
            last_ms = _start_ms(rows[-1][0]) + step_ms if rows else 0
            begins = min(current_ms, max(last_ms, current_ms - step_ms))
            ranges.append((node, max(query.start_ms, begins), query.end_ms))
        finers = self._ranges(finer, ranges)
        return [[(query.resolution, rows), (finer, fine_rows)] for rows, fine_rows in zip(stored, finers, strict=True)]

    def _ranges(self, resolution: Resolution, ranges: Sequence[tuple[str, int, int]]) -> list[Rows]:
        def query_entries(client: redis.Redis) -> list[Rows]:
            pipeline = client.pipeline(transaction=False)
            for node, start_ms, end_ms in ranges:
                key = history_key(resolution.seconds, node)
                pipeline.xrange(key, max(0, start_ms), max(0, end_ms - 1), count=ENTRIES_PER_READ)
            answers: list[Rows] = pipeline.execute()
            return answers

        return self.streams.ask(query_entries)

    def _stored(self, rows: Rows, decode: Callable[[bytes], MeasuredEntry]) -> Iterator[StoredEntry[MeasuredEntry]]:
        for entry_id, fields in rows:
            entry = self.streams.decoded(decode, fields.get(_FIELD, b""))
            if entry is not None:
                start_ms, epoch = entry_id.split(b"-")
                yield StoredEntry(int(start_ms), int(epoch), entry)


class _Values:
    """The average, weighted by samples, or the maximum of each node."""

    def __init__(self, query: TopQuery) -> None:
        self._by = query.by
        self._digits = MEASURES[query.measure]
        self._nodes: list[RankedNode] = []

    def add(self, node: str, entries: Iterator[StoredEntry[MeasuredEntry]]) -> None:
        """Add a node. Leave out a node without a value."""
        samples, total = 0, 0.0
        highest: tuple[float, int] | None = None
        for start_ms, _, entry in entries:
            if entry.summary is None:
                continue
            _, average, high = entry.summary if isinstance(entry.summary, tuple) else 3 * (entry.summary,)
            samples += entry.samples
            total += entry.samples * average
            if highest is None or high > highest[0]:
                highest = high, start_ms
        if highest is None:
            return
        if self._by == "max":
            self._nodes.append(RankedNode(node=node, value=highest[0], at=timestamp(highest[1] / 1000)))
        else:
            self._nodes.append(RankedNode(node=node, value=round(total / samples, self._digits), at=None))

    def ranked(self) -> tuple[RankedNode, ...]:
        """Return the nodes, highest first; equal values by name."""
        return tuple(sorted(self._nodes, key=lambda each: (-each.value, each.node)))


def _start_ms(entry_id: bytes) -> int:
    return int(entry_id.split(b"-")[0])
