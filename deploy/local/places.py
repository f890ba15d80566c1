"""Places before the api: others wait here, where waiting is cheap, and nobody waits behind one address's crowd."""

import threading

from runtime.fair_queue import FairQueue


class Places:
    """A number of places, of which one address gets a part. Safe to use from several threads."""

    def __init__(self, places: int, at_once: int, waiting: int) -> None:
        """One address gets ``at_once`` of the places, and ``waiting`` of its requests may wait for them."""
        self._queue: FairQueue[threading.Event] = FairQueue(places, at_once, waiting)
        self._lock = threading.Lock()

    def enter(self, address: str, within_seconds: float) -> bool:
        """Wait for a place; return ``False`` where none came free in time, or too many of the address wait."""
        mine = threading.Event()
        with self._lock:
            if not self._queue.offer(address, mine):
                return False
            self._begin()
        if mine.wait(within_seconds):
            return True
        with self._lock:
            return not self._queue.withdraw(address, mine)

    def leave(self, address: str) -> None:
        """Give back a place."""
        with self._lock:
            self._queue.done(address)
            self._begin()

    def _begin(self) -> None:
        while (taken := self._queue.take()) is not None:
            taken[1].set()
