"""Make the metric history's entries of the rounds, and bring them to Redis after the live data."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import Final

from collector.metrics import HISTORY_QUEUED, HISTORY_RECORDS
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
#: Records that wait for Redis at most; about 20 MB. That is seven minutes of 1000 nodes, or fourteen hours of eight.
QUEUE_LENGTH: Final = 50_000
#: Distributions of the cluster that wait for Redis at most, about a megabyte: eleven hours.
DISTRIBUTIONS_LENGTH: Final = 5000
#: Nodes that are worked on without a pause, which takes about a millisecond.
NODES_AT_ONCE: Final = 50
#: Records in one call, which keeps Redis busy for a few milliseconds.
BATCH_LENGTH: Final = 250
#: Seconds in which calls for the last records may begin, and that each of them may take.
FINISH_SECONDS: Final = 1.0

_measured: Final = attrgetter(*MEASURES)


class HistoryAggregator:
    """Sums samples up over each step; what is complete waits in ``queue`` and ``distributions``, oldest first.

    A step ends with the first round that falls into another one, be it later or, by a clock that was set back, earlier.
    """

    def __init__(self, queue_length: int = QUEUE_LENGTH) -> None:
        self.queue: deque[HistoryRecord] = deque(maxlen=queue_length)
        #: Those of the cluster's distribution.
        self.distributions: deque[HistoryRecord] = deque(maxlen=DISTRIBUTIONS_LENGTH)
        #: Records that a full queue has lost since the beginning.
        self.lost = 0
        self._open = [_OpenPeriod(step) for step in RESOLUTIONS]

    def take(self, snapshot: Snapshot, unix_seconds: float) -> Iterator[None]:
        """Take in a round: of each online node a sample, and of the cluster's averages.

        Work goes on as the iterator does, which pauses now and then so that others get their turn; it is for the
        caller to go to its end before the next call.
        """
        for part in self._open:
            start = int(unix_seconds // part.step.seconds) * part.step.seconds
            if start != part.start_seconds:
                yield from self._close(part)
                part.start_seconds = start
        finest = self._open[0]
        for node, sample in _samples(snapshot):
            finest.add(node, sample)

    def close(self) -> Iterator[None]:
        """End all steps, however little of them has passed; an iterator as of ``take``."""
        for part in self._open:
            yield from self._close(part)

    def forget(self) -> None:
        """Drop everything: what another collector records is not for this one to add to."""
        self.queue.clear()
        self.distributions.clear()
        self._open = [_OpenPeriod(step) for step in RESOLUTIONS]

    def _close(self, part: "_OpenPeriod") -> Iterator[None]:
        coarser = [other for other in self._open if other.step.source is part.step]
        spreading, rounds = DistributionBuilder(), 0
        for number, (node, sums) in enumerate(part.sums.items(), 1):
            entry = sums.entry()
            if node == CLUSTER_NODE:
                rounds = entry.samples
            else:
                spreading.add(node, entry)
            for other in coarser:
                other.add(node, entry)
            self.lost += len(self.queue) == self.queue.maxlen
            self.queue.append(HistoryRecord(part.step, node, part.start_seconds, encode_entry(entry)))
            if number % NODES_AT_ONCE == 0:
                yield
        if rounds:
            spreads = []
            for spread in spreading.spreads():
                spreads.append(spread)
                yield
            raw = encode_distribution(Distribution(rounds, tuple(spreads)))
            self.lost += len(self.distributions) == self.distributions.maxlen
            self.distributions.append(HistoryRecord(part.step, None, part.start_seconds, raw))
        part.sums = {}


class _OpenPeriod:
    """The step that the last round fell into, and what is known of each node in it."""

    def __init__(self, step: Resolution) -> None:
        self.step = step
        self.start_seconds = -1
        self.sums: dict[str, Rollup | _Samples] = {}

    def add(self, node: str, entry: HistoryEntry) -> None:
        sums = self.sums.get(node)
        if sums is None:
            sums = self.sums[node] = _Samples() if self.step.source is None else Rollup()
        sums.add(entry)


class _Samples:
    """As ``Rollup``, for entries of one sample each, of which there are few: quicker to add to."""

    def __init__(self) -> None:
        self._samples: list[HistoryEntry] = []

    def add(self, sample: HistoryEntry) -> None:
        self._samples.append(sample)

    def entry(self) -> HistoryEntry:
        columns = zip(*(sample.summaries for sample in self._samples), strict=True)
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


class HistoryRecorder:
    """Takes the rounds, and writes what has become complete after a round is published."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._history = HistoryAggregator()
        self._lost = 0
        #: Whether Redis had no memory left for history, the last time that it was given some.
        self.is_full = False
        self._occasionally = RateLimitedLog(_log)

    async def take(self, snapshot: Snapshot, unix_seconds: float) -> None:
        """Take in a round, be it published or not: what Redis misses while it is away is recorded afterwards."""
        for _ in self._history.take(snapshot, unix_seconds):
            await asyncio.sleep(0)
        self._note_queue()

    async def write(self, epoch: Epoch, within_seconds: float) -> None:
        """Write what is complete, or as much of it as time allows; the rest stays for the next time.

        No call begins after ``within_seconds``, and none takes longer. Distributions have calls of their own: a Redis
        whose users are those of a release before refuses them, and nothing else.
        """
        deadline = time.monotonic() + within_seconds
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
                self._occasionally.warning("away", "history waits for Redis: %s", error)
                break
            except RedisRefused as error:
                self.is_full = self.is_full or isinstance(error, RedisFull)
                self._occasionally.warning("refused", "history is not recorded: %s", error)
                HISTORY_RECORDS.labels("refused").inc(len(queue))
                queue.clear()
                break
            self.is_full = False
            if answer.outcome == "fenced":
                self.forget()
            if answer.outcome != "recorded":
                break
            for _ in range(answer.dealt):
                queue.popleft()
            HISTORY_RECORDS.labels("recorded").inc(answer.dealt - answer.refused)
            HISTORY_RECORDS.labels("refused").inc(answer.refused)

    async def finish(self, epoch: Epoch) -> None:
        """Write all that is known, complete or not."""
        for _ in self._history.close():
            await asyncio.sleep(0)
        await self.write(epoch, FINISH_SECONDS)

    def forget(self) -> None:
        """Drop everything: another collector has taken over."""
        self._history.forget()
        self._note_queue()

    def _note_queue(self) -> None:
        HISTORY_QUEUED.set(len(self._history.queue) + len(self._history.distributions))
        HISTORY_RECORDS.labels("lost").inc(self._history.lost - self._lost)
        self._lost = self._history.lost
