"""Aggregate rounds into entries of the metric history, and write the entries to Redis after the live data."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import Final

import msgspec

from collector.alerts.active_alert import CurrentTime
from collector.alerts.conditions import ObservedNode
from collector.metrics import HISTORY_QUEUED, HISTORY_RECORDS
from collector.node_events import NodeEventRecorder
from collector.redis_client import RedisClient
from contract.distribution import Distribution, DistributionBuilder, encode_distribution
from contract.history import (
    CLUSTER_NODE,
    MEASURES,
    RESOLUTIONS,
    HistoryEntry,
    Resolution,
    Rollup,
    Summary,
    encode_entry,
)
from contract.messages import ClusterStats, Epoch, Snapshot
from contract.scripts import HistoryRecord
from runtime.logs import RateLimitedLog
from runtime.redis_failures import FunctionsMissing, RedisAway, RedisFull, RedisRefused

_log = logging.getLogger(__name__)
#: Most records that wait for Redis, about 20 MB: seven minutes of 1000 nodes, or fourteen hours of eight nodes.
QUEUE_LENGTH: Final = 50_000
#: Most distributions of the cluster that wait for Redis, about a megabyte: eleven hours.
DISTRIBUTIONS_LENGTH: Final = 5000
#: Nodes that are aggregated between two pauses, in a few milliseconds. On a busy core, each pause lasts as long.
NODES_PER_PAUSE: Final = 100
#: Records in one call, which occupies Redis for a few milliseconds.
BATCH_LENGTH: Final = 250
#: Part of an interval in which calls may start after a round, and timeout of each call; the least part, after a round
#: that took long.
WRITING_SHARE: Final = 1 / 3
LEAST_WRITING_SHARE: Final = 1 / 20
#: Seconds in which the last records are made and written.
FINISH_SECONDS: Final = 1.0

_measured: Final = attrgetter(*MEASURES)
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(list[int | float | None])


class HistoryAggregator:
    """Aggregates samples over a period for each resolution; complete entries wait in two queues, the oldest first.

    A period ends with the first round in another period, later or, after a clock was set back, earlier.
    """

    def __init__(self, queue_length: int = QUEUE_LENGTH) -> None:
        self.queue: deque[HistoryRecord] = deque(maxlen=queue_length)
        #: Records of the cluster's distribution.
        self.distributions: deque[HistoryRecord] = deque(maxlen=DISTRIBUTIONS_LENGTH)
        #: Records lost from full queues since the start.
        self.lost = 0
        self._open = [_OpenPeriod(resolution) for resolution in RESOLUTIONS]

    def add(self, snapshot: Snapshot, unix_seconds: float) -> Iterator[None]:
        """Add a round: a sample of each online node, and the cluster's averages.

        The work proceeds as the caller iterates. The iterator pauses so that other tasks can run. The caller must
        exhaust the iterator before the next call.
        """
        for period in self._open:
            seconds = period.resolution.seconds
            start = int(unix_seconds // seconds) * seconds
            if start != period.start_seconds:
                yield from self._close(period)
                period.start_seconds = start
        finest = self._open[0]
        for node, sample in _samples(snapshot):
            finest.add(node, sample)

    def close(self) -> Iterator[None]:
        """End all periods, even incomplete ones; the iterator works like that of ``add``."""
        for period in self._open:
            yield from self._close(period)

    def forget(self) -> None:
        """Drop all entries, since another collector records history."""
        self.queue.clear()
        self.distributions.clear()
        self._open = [_OpenPeriod(resolution) for resolution in RESOLUTIONS]

    def _close(self, period: "_OpenPeriod") -> Iterator[None]:
        coarser = [other for other in self._open if other.resolution.source is period.resolution]
        distribution, rounds = DistributionBuilder(), 0
        for number, (node, sums) in enumerate(period.sums.items(), 1):
            entry = sums.entry()
            if node == CLUSTER_NODE:
                rounds = entry.samples
            else:
                distribution.add(node, entry)
            for other in coarser:
                other.add(node, entry)
            self.lost += len(self.queue) == self.queue.maxlen
            self.queue.append(HistoryRecord(period.resolution, node, period.start_seconds, encode_entry(entry)))
            if number % NODES_PER_PAUSE == 0:
                yield
        if rounds:
            quantiles = []
            for values in distribution.quantiles():
                quantiles.append(values)
                yield
            raw = encode_distribution(Distribution(rounds, tuple(quantiles)))
            self.lost += len(self.distributions) == self.distributions.maxlen
            self.distributions.append(HistoryRecord(period.resolution, None, period.start_seconds, raw))
        period.sums = {}


class _OpenPeriod:
    """The period of the last round at one resolution, with the sums of each node."""

    def __init__(self, resolution: Resolution) -> None:
        self.resolution = resolution
        self.start_seconds = -1
        self.sums: dict[str, Rollup | _Samples] = {}

    def add(self, node: str, entry: HistoryEntry) -> None:
        sums = self.sums.get(node)
        if sums is None:
            sums = self.sums[node] = _Samples() if self.resolution.source is None else Rollup()
        sums.add(entry)


class _Samples:
    """Like ``Rollup`` for a few entries of one sample each; adding is quicker.

    The samples are encoded: the numbers would take four times the memory, and the garbage collector's time.
    """

    __slots__ = ("_samples",)

    def __init__(self) -> None:
        self._samples: list[bytes] = []

    def add(self, sample: HistoryEntry) -> None:
        self._samples.append(_encoder.encode(sample.summaries))

    def entry(self) -> HistoryEntry:
        columns = zip(*map(_decoder.decode, self._samples), strict=True)
        return HistoryEntry(len(self._samples), tuple(map(_summary, columns, MEASURES.values())))


def _summary(values: Sequence[float | None], digits: int | None) -> Summary:
    known = [value for value in values if value is not None]
    if not known:
        return None
    low, high = min(known), max(known)
    return low if low == high else (low, round(sum(known) / len(known), digits), high)


def _samples(snapshot: Snapshot) -> Iterator[tuple[str, HistoryEntry]]:
    for node in snapshot.nodes:
        if node.status == "online":
            yield node.node, HistoryEntry(1, _measured(node))
    if snapshot.cluster_stats.online_nodes:
        yield CLUSTER_NODE, _averages(snapshot.cluster_stats)


def _averages(stats: ClusterStats) -> HistoryEntry:
    known = {
        "cpu_usage": stats.avg_cpu,
        "memory_usage": stats.avg_memory,
        "disk_usage": stats.avg_disk,
        "temperature": stats.avg_temperature,
    }
    return HistoryEntry(1, tuple(map(known.get, MEASURES)))


def writing_seconds(interval_seconds: float, elapsed_seconds: float) -> float:
    """Return the time for writing after a round that took ``elapsed_seconds``: writing ends before the next round."""
    least = LEAST_WRITING_SHARE * interval_seconds
    left = interval_seconds - elapsed_seconds - least
    return max(least, min(WRITING_SHARE * interval_seconds, left))


class HistoryRecorder:
    """Adds the rounds to the history, and writes complete entries after a round is published."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._history = HistoryAggregator()
        self._events = NodeEventRecorder(redis)
        self._lost = 0
        #: Whether Redis had no memory left for history at the last write.
        self.is_full = False
        self._limited_log = RateLimitedLog(_log)

    def take_over(self, snapshot: Snapshot | None) -> None:
        """Continue from the previous collector's last snapshot."""
        self._events.take_over(snapshot)

    async def add(self, snapshot: Snapshot, now: CurrentTime, observations: Sequence[ObservedNode] = ()) -> None:
        """Add a round, published or not, so that history of the time without Redis is recorded afterwards.

        ``observations`` are those of the round; they have the offsets of the nodes' clocks.
        """
        self._events.add(snapshot, observations, now)
        steps = self._history.add(snapshot, now.unix_seconds)
        try:
            for _ in steps:
                await asyncio.sleep(0)
        finally:
            # If the round is cancelled at a pause, the rest follows at once: a period that is closed in part would
            # have some of its entries twice.
            for _ in steps:
                pass
        self._note_queue()

    async def write(self, epoch: Epoch, within_seconds: float) -> None:
        """Write node events and complete entries as far as time allows; the others stay for the next call.

        No call starts after ``within_seconds``, which is also the timeout of each call. Distributions have calls of
        their own, because a Redis with users of an earlier release refuses only distributions.
        """
        deadline = time.monotonic() + within_seconds
        HISTORY_RECORDS.labels("recorded").inc(await self._events.write(epoch, deadline, within_seconds))
        for queue in (self._history.queue, self._history.distributions):
            await self._write(queue, epoch, deadline, within_seconds)
            if queue:
                break
        self._note_queue()

    async def _write(self, queue: deque[HistoryRecord], epoch: Epoch, deadline: float, within_seconds: float) -> None:
        while queue and time.monotonic() < deadline:
            batch = list(islice(queue, BATCH_LENGTH))
            try:
                answer = await self._redis.record(epoch, batch, within_seconds)
            except (RedisAway, FunctionsMissing) as error:
                self._limited_log.warning("away", "history is queued until Redis answers: %s", error)
                break
            except RedisRefused as error:
                self.is_full = self.is_full or isinstance(error, RedisFull)
                self._limited_log.warning("refused", "Redis refuses history: %s", error)
                HISTORY_RECORDS.labels("refused").inc(len(queue))
                queue.clear()
                break
            self.is_full = False
            if answer.outcome == "fenced":
                self.forget()
            if answer.outcome != "recorded":
                break
            for _ in range(answer.processed):
                queue.popleft()
            HISTORY_RECORDS.labels("recorded").inc(answer.processed - answer.refused)
            HISTORY_RECORDS.labels("refused").inc(answer.refused)

    async def finish(self, epoch: Epoch) -> None:
        """Write all entries, also incomplete ones, as far as ``FINISH_SECONDS`` allow."""
        try:
            async with asyncio.timeout(FINISH_SECONDS):
                for _ in self._history.close():
                    await asyncio.sleep(0)
                await self.write(epoch, FINISH_SECONDS)
        except TimeoutError:
            _log.info("history is incomplete: Redis did not take the last entries in time")

    def forget(self) -> None:
        """Drop all entries and events, because another collector has taken over."""
        self._history.forget()
        self._events.forget()
        self._note_queue()

    def _note_queue(self) -> None:
        HISTORY_QUEUED.set(len(self._history.queue) + len(self._history.distributions) + len(self._events))
        lost = self._history.lost + self._events.lost
        HISTORY_RECORDS.labels("lost").inc(lost - self._lost)
        self._lost = lost
