"""Whose work is next: what clients ask for is done in rounds of the event loop, in which addresses take turns.

The loop runs a greenlet for as long as it has something to do. A client whose next request, or next piece of a body,
has come already would keep the loop from everybody else, and many connections of an address would be many clients.
"""

import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from contract.runtime.fair_queue import FairQueue

#: Pieces of work that begin in a round, and those of one address.
A_ROUND: Final = 16
OF_ONE_ADDRESS: Final = 1


class Turns:
    """Lets work begin. Whoever waits here is one connection, so nothing but connections bounds those who wait."""

    def __init__(self, spawn: Callable[[str, Callable[[], object]], None]) -> None:
        """``spawn`` runs a function in a greenlet of its own, and names it in the log."""
        self._spawn = spawn
        self._queue: Final[FairQueue[threading.Event]] = FairQueue(A_ROUND, OF_ONE_ADDRESS, sys.maxsize)
        #: Addresses whose work has begun in this round.
        self._begun: list[str] = []
        self._goes_round = False

    def wait(self, address: str) -> None:
        """Return when work for ``address`` may begin: at once where none of the address has begun in this round.

        Lets other greenlets run where there is something to wait for.
        """
        mine = threading.Event()
        self._queue.offer(address, mine)
        self._begin()
        if mine.is_set():
            return
        try:
            mine.wait()
        except BaseException:
            self._queue.withdraw(address, mine)
            raise

    def _begin(self) -> None:
        while (taken := self._queue.take()) is not None:
            address, event = taken
            self._begun.append(address)
            event.set()
        if self._begun and not self._goes_round:
            self._goes_round = True
            self._spawn("turns", self._go_round)

    def _go_round(self) -> None:
        while self._begun:
            # What has begun runs now.
            time.sleep(0)
            begun, self._begun = self._begun, []
            for address in begun:
                self._queue.done(address)
            self._begin()
        self._goes_round = False
