"""Start the scrapes at their times, a few in each turn of the event loop.

A scrape needs CPU when it starts and when its answer is read. With few starts in a turn, turns stay short even if the
core cannot keep up: scrapes start late then, but rounds, signals and the answers of Redis do not wait for them.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Final

#: Most tasks that one turn of the event loop wakes. While tasks are left over and turns are longer than
#: ``TURN_SECONDS``, turns wake fewer.
STARTS_PER_TURN: Final = 16
TURN_SECONDS: Final = 0.02
#: Least time between two turns that wake tasks, unless tasks are left over: a share of the interval of the scrapes, and
#: at most some seconds. Scrapes in a row take a quarter less CPU than single scrapes, which find the core's cache cold.
PAUSE_SHARE: Final = 1 / 20
LONGEST_PAUSE_SECONDS: Final = 0.1


class StartQueue:
    """Wakes waiting tasks at their times or a little later, the earliest time first; none while ``is_held()``."""

    def __init__(self, interval_seconds: float, is_held: Callable[[], bool] = lambda: False) -> None:
        self._is_held = is_held
        self._pause_seconds = min(PAUSE_SHARE * interval_seconds, LONGEST_PAUSE_SECONDS)
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.Handle | None = None
        self._timer_at = 0.0
        self._starts_per_turn = STARTS_PER_TURN
        #: When the last turn began, if that turn left over tasks.
        self._left_over_at: float | None = None

    async def wait_until(self, monotonic_seconds: float) -> None:
        """Wait until that time of ``time.monotonic``; return later if many other tasks are due."""
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        heapq.heappush(self._waiting, (monotonic_seconds, next(self._numbers), woken))
        if self._timer is None or monotonic_seconds < self._timer_at:
            self._set_timer(loop, max(0.0, monotonic_seconds - time.monotonic()))
        await woken

    def _set_timer(self, loop: asyncio.AbstractEventLoop, delay_seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = time.monotonic() + delay_seconds
        self._timer = loop.call_later(delay_seconds, self._wake) if delay_seconds > 0 else loop.call_soon(self._wake)

    def _wake(self) -> None:
        self._timer = None
        waiting, now, count = self._waiting, time.monotonic(), 0
        if self._left_over_at is None or now - self._left_over_at < TURN_SECONDS:
            self._starts_per_turn = min(self._starts_per_turn + 1, STARTS_PER_TURN)
        else:
            self._starts_per_turn = max(1, self._starts_per_turn // 2)
        limit = 0 if self._is_held() else self._starts_per_turn
        # Cancelled tasks do not count.
        while waiting and (waiting[0][2].done() or (waiting[0][0] <= now and count < limit)):
            _, _, woken = heapq.heappop(waiting)
            if not woken.done():
                woken.set_result(None)
                count += 1
        is_left_over = bool(waiting) and waiting[0][0] <= now
        self._left_over_at = now if is_left_over else None
        if waiting:
            delay = 0.0 if is_left_over else max(waiting[0][0] - now, self._pause_seconds)
            self._set_timer(asyncio.get_running_loop(), delay)
