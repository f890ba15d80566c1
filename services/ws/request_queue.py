"""A fair queue for the work of clients: work begins in rounds of the event loop, and all addresses get slots in turn.

The loop runs a greenlet until the greenlet waits. Without the queue, a client that sends requests or pieces of a body
without a pause would block all others, and an address with many connections would get more time.
"""

import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from runtime.fair_queue import FairQueue

#: Seconds of a round in which work of any address begins immediately, and the target length of a round with a queue.
FREE_SECONDS: Final = 0.025
#: Most pieces of work that leave the queue in one round. The limit for one address is between 1 and this number: it
#: doubles after a short round and halves after a long round.
SLOTS_LIMIT: Final = 64


class RequestQueue:
    """Gives slots to connections. Each connection waits at most once, so the number of connections limits the queue."""

    def __init__(
        self, spawn: Callable[[str, Callable[[], object]], None], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """``spawn`` runs a function in a new greenlet; the log shows the name."""
        self._spawn = spawn
        self._monotonic = monotonic
        #: A waiting connection's lock is released when its work may begin.
        self._queue: Final[FairQueue[threading.Lock]] = FairQueue(SLOTS_LIMIT, 1, sys.maxsize)
        #: Addresses whose work left the queue in this round.
        self._begun: list[str] = []
        self._is_running = False
        #: Whether any work began in this round, and the monotonic time until which work begins immediately.
        self._is_used = False
        self._free_until = 0.0

    def wait(self, address: str) -> None:
        """Return when work for ``address`` may begin, which is immediately at the beginning of a round.

        Lets other greenlets run if the work must wait.
        """
        if not self._is_running:
            self._is_running = True
            self._free_until = self._monotonic() + FREE_SECONDS
            self._spawn("request queue", self._run_rounds)
        if not self._queue.has_waiting(address) and self._monotonic() < self._free_until:
            self._is_used = True
            return
        slot = threading.Lock()
        slot.acquire()
        self._queue.offer(address, slot)
        self._begin()
        try:
            slot.acquire()
        except BaseException:
            self._queue.withdraw(address, slot)
            raise

    def _begin(self) -> None:
        while (next_work := self._queue.take()) is not None:
            address, lock = next_work
            self._begun.append(address)
            self._is_used = True
            lock.release()

    def _run_rounds(self) -> None:
        while self._is_used:
            self._is_used = False
            # Let the work of this round run.
            time.sleep(0)
            now = self._monotonic()
            is_short = now < self._free_until
            self._queue.at_once = (
                min(SLOTS_LIMIT, 2 * self._queue.at_once) if is_short else max(1, self._queue.at_once // 2)
            )
            self._free_until = now + FREE_SECONDS
            begun, self._begun = self._begun, []
            for address in begun:
                self._queue.done(address)
            self._begin()
        self._is_running = False
