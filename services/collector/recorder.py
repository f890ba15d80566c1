"""Bring the metric history to Redis, after the live data: it may come late or be lost, and keeps nothing waiting."""

import asyncio
import logging
import time
from collections import deque
from itertools import islice
from typing import Final

from collector.history import History
from collector.link import RedisLink
from collector.metrics import HISTORY_QUEUED, HISTORY_RECORDS
from contract.messages import Epoch, Snapshot
from contract.scripts import HistoryRecord
from runtime.logs import Occasionally
from runtime.redis_failures import FunctionsMissing, RedisAway, RedisFull, RedisRefused

_log = logging.getLogger(__name__)
#: Records in one call, which keeps Redis busy for a few milliseconds.
BATCH_LENGTH: Final = 250
#: Seconds in which calls for the last records may begin, and that each of them may take.
FINISH_SECONDS: Final = 1.0


class Recorder:
    """Takes the rounds of a term, and writes what has become complete after a round is published."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._history = History()
        self._lost = 0
        #: Whether Redis had no memory left for history, the last time that it was given some.
        self.is_full = False
        self._occasionally = Occasionally(_log)

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
                answer = await self._link.record(epoch, batch, within_seconds)
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
