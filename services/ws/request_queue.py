"""Whose work is next: what clients ask for is done in rounds of the event loop, in which addresses take turns.

The loop runs a greenlet for as long as it has something to do. A client whose next request, or next piece of a body,
has come already would keep the loop from everybody else, and many connections of an address would be many clients.
"""

import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from runtime.fair_queue import FairQueue

#: Seconds of a round in which work begins at once, whoever it is for. Where work waits, rounds are to take as long.
FREE_SECONDS: Final = 0.025
#: Pieces of work that begin in a round besides: of one address at most ``MOST`` while they are short, and one where
#: they are long; of all addresses ``MOST``.
MOST: Final = 64


class RequestQueue:
    """Lets work begin. Whoever waits here is one connection, so nothing but connections bounds those who wait."""

    def __init__(
        self, spawn: Callable[[str, Callable[[], object]], None], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """``spawn`` runs a function in a greenlet of its own, and names it in the log."""
        self._spawn = spawn
        self._monotonic = monotonic
        #: Locks that are released when work may begin.
        self._queue: Final[FairQueue[threading.Lock]] = FairQueue(MOST, 1, sys.maxsize)
        #: Addresses whose work has begun in this round.
        self._begun: list[str] = []
        self._goes_round = False
        #: Whether any work began in this round, and the monotonic time until which it begins at once.
        self._is_used = False
        self._free_until = 0.0

    def wait(self, address: str) -> None:
        """Return when work for ``address`` may begin: at once while the round is young.

        Lets other greenlets run where there is something to wait for.
        """
        if not self._goes_round:
            self._goes_round = True
            self._free_until = self._monotonic() + FREE_SECONDS
            self._spawn("turns", self._go_round)
        if not self._queue.has_waiting(address) and self._monotonic() < self._free_until:
            self._is_used = True
            return
        mine = threading.Lock()
        mine.acquire()
        self._queue.offer(address, mine)
        self._begin()
        try:
            mine.acquire()
        except BaseException:
            self._queue.withdraw(address, mine)
            raise

    def _begin(self) -> None:
        while (taken := self._queue.take()) is not None:
            address, lock = taken
            self._begun.append(address)
            self._is_used = True
            lock.release()

    def _go_round(self) -> None:
        while self._is_used:
            self._is_used = False
            # What has begun runs now.
            time.sleep(0)
            now = self._monotonic()
            is_short = now < self._free_until
            self._queue.at_once = min(MOST, 2 * self._queue.at_once) if is_short else max(1, self._queue.at_once // 2)
            self._free_until = now + FREE_SECONDS
            begun, self._begun = self._begun, []
            for address in begun:
                self._queue.done(address)
            self._begin()
        self._goes_round = False
