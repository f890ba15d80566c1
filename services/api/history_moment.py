"""``/api/history/moment``: all nodes at a past moment, from the finest history that is kept for that time."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

import redis
from flask import Blueprint, Response, request

from api.history_range import read_time
from api.message_store import MessageStore, collector_time
from api.problems import RequestRefused
from api.responses import struct_answer
from api.stream_reader import Rows, StreamReader
from contract.history import (
    CLUSTER_NODE,
    HALF_HOUR,
    MEASURES,
    RESOLUTIONS,
    HistoryEntry,
    Resolution,
    decode_entry,
    merge,
)
from contract.messages import Timestamp
from contract.names import HISTORY_FIELD, history_key
from contract.rest import HistoryMoment, MomentNode
from runtime.clock import timestamp

#: Nodes per round trip. Redis needs about five milliseconds for them.
NODES_PER_READ: Final = 1000
#: Most entries of one node and step: one for each collector that recorded a part of the step.
ENTRIES_LIMIT: Final = 20
#: Seconds by which a client's clock may be ahead.
AHEAD_SECONDS: Final = 60

_FIELD: Final = HISTORY_FIELD.encode()


def moment_routes(store: MessageStore, reader: "MomentReader", clock: Callable[[], float] = time.time) -> Blueprint:
    """Return the route."""
    routes = Blueprint("history_moment", __name__, url_prefix="/api/history")

    @routes.get("/moment")
    def moment() -> Response:
        """The averages of each node in one step."""
        snapshot = store.snapshot_if_available()
        now_ms = round(1000 * collector_time(snapshot))
        at_ms = read_time(request.args, "at")
        if at_ms is None:
            at_ms = now_ms
        if at_ms > max(now_ms, 1000 * clock()) + 1000 * AHEAD_SECONDS:
            raise RequestRefused(400, "The parameter 'at' takes a time in the past; the default is the newest step.")
        if snapshot is None:
            _, snapshot = store.snapshot()
        step = step_at(at_ms, now_ms, snapshot.interval_seconds)
        found = HistoryMoment(
            at=timestamp(step.start_ms / 1000),
            step_seconds=step.resolution.seconds,
            known_since=reader.known_since(now_ms),
            nodes=tuple(reader.read([node.node for node in snapshot.nodes], step)),
        )
        return struct_answer(found)

    return routes


class Step(NamedTuple):
    """One step of a resolution; ``start_ms`` is in Unix milliseconds."""

    resolution: Resolution
    start_ms: int


def step_at(at_ms: int, now_ms: int, interval_seconds: float) -> Step:
    """Return the step of the finest kept resolution that includes ``at_ms``; the newest complete step for the present.

    A step covers at least two scrape intervals, so that slow scraping leaves no node out. A step counts as complete
    two intervals after its end, because the collector writes history after the round that ends the step.
    """
    slow_ms = round(2000 * interval_seconds)
    kept = [each for each in RESOLUTIONS if at_ms >= now_ms - 1000 * each.range_seconds] or [RESOLUTIONS[-1]]
    resolution = next((each for each in kept if 1000 * each.seconds >= slow_ms), kept[-1])
    step_ms = 1000 * resolution.seconds
    start_ms = at_ms // step_ms * step_ms
    complete_ms = (now_ms - slow_ms) // step_ms * step_ms - step_ms
    # The collector may have stopped. Then the present has no data, rather than old data.
    is_present = at_ms <= now_ms + slow_ms + step_ms
    return Step(resolution, min(start_ms, complete_ms) if is_present else start_ms)


class MomentReader:
    """Reads one step of each node. Leaves out entries that it cannot decode."""

    def __init__(self, streams: StreamReader) -> None:
        self._streams = streams

    def read(self, nodes: Sequence[str], step: Step) -> Iterator[MomentNode]:
        """Yield the nodes that have an entry in ``step``, in the order of ``nodes``.

        Raises:
            DataUnavailable: Redis is away, or a key is not a stream.
        """
        for first in range(0, len(nodes), NODES_PER_READ):
            some = nodes[first : first + NODES_PER_READ]
            for node, rows in zip(some, self._streams.ask(partial(_read_step, some, step)), strict=True):
                decoded = [self._streams.decoded(decode_entry, fields.get(_FIELD, b"")) for _, fields in rows]
                entries = [entry for entry in decoded if entry is not None]
                if entries:
                    yield MomentNode(node=node, measures=_averages(entries[0] if len(entries) == 1 else merge(entries)))

    def known_since(self, now_ms: int) -> Timestamp | None:
        """Return the start of the oldest step of the cluster; at the earliest, the time until which steps are kept.

        Raises:
            DataUnavailable: Redis is away, or a key is not a stream.
        """
        oldest = [int(rows[0][0].split(b"-")[0]) for rows in self._streams.ask(_read_oldest) if rows]
        return timestamp(max(min(oldest), now_ms - 1000 * HALF_HOUR.range_seconds) / 1000) if oldest else None


def _read_step(nodes: Sequence[str], step: Step, client: redis.Redis) -> list[Rows]:
    pipeline = client.pipeline(transaction=False)
    start_ms = max(0, step.start_ms)
    for node in nodes:
        key = history_key(step.resolution.seconds, node)
        pipeline.xrange(key, start_ms, start_ms + 1000 * step.resolution.seconds - 1, count=ENTRIES_LIMIT)
    answers: list[Rows] = pipeline.execute()
    return answers


def _read_oldest(client: redis.Redis) -> list[Rows]:
    pipeline = client.pipeline(transaction=False)
    for resolution in RESOLUTIONS:
        pipeline.xrange(history_key(resolution.seconds, CLUSTER_NODE), count=1)
    answers: list[Rows] = pipeline.execute()
    return answers


def _averages(entry: HistoryEntry) -> dict[str, float | None]:
    return {
        measure: summary[1] if isinstance(summary, tuple) else summary
        for measure, summary in zip(MEASURES, entry.summaries, strict=True)
    }
