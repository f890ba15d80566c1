"""What one address may take of the gateway: connections, slots at the api, and memory for answers that nobody reads."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from access.proxies import client_network
from runtime.fair_queue import FairQueue

#: Seconds between two looks at which connections of an address are still there.
SWEEP_SECONDS: Final = 1.0
#: Bytes of answers that are kept for all clients, and for those of one address.
UNREAD_BYTES: Final = 192 * 1024 * 1024
OF_ONE_ADDRESS_BYTES: Final = 64 * 1024 * 1024


class Connections:
    """Counts connections by their descriptors; whoever serves a connection need not say when it ends.

    A descriptor that comes again, or that is another socket by now, was closed in between.
    """

    def __init__(self, limit: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        """``limit`` is that of one address."""
        self._limit = limit
        self._monotonic = monotonic
        #: By address, and then by descriptor: the number of the socket, which is its own for as long as it lives.
        self._sockets: dict[str, dict[int, int]] = {}
        self._address_of: dict[int, str] = {}
        self._swept_at: dict[str, float] = {}

    def admit(self, address: str, descriptor: int) -> bool:
        """Count a connection; return ``False``, and do not count it, where its address has as many as it may."""
        self.release(descriptor)
        address = client_network(address)
        if len(self._sockets.get(address, ())) >= self._limit:
            self._sweep(address)
        sockets = self._sockets.setdefault(address, {})
        if len(sockets) >= self._limit:
            return False
        sockets[descriptor] = os.fstat(descriptor).st_ino
        self._address_of[descriptor] = address
        return True

    def release(self, descriptor: int) -> None:
        """Count a connection no more."""
        address = self._address_of.pop(descriptor, None)
        if address is None:
            return
        sockets = self._sockets[address]
        del sockets[descriptor]
        if not sockets:
            del self._sockets[address]
            self._swept_at.pop(address, None)

    def _sweep(self, address: str) -> None:
        now = self._monotonic()
        if now - self._swept_at.get(address, float("-inf")) < SWEEP_SECONDS:
            return
        self._swept_at[address] = now
        for descriptor, number in list(self._sockets[address].items()):
            if _socket_number(descriptor) != number:
                self.release(descriptor)


class RequestSlots:
    """Requests that the api is given at a time; others wait here, where waiting is cheap, and addresses take turns.

    Safe to use from several threads.
    """

    def __init__(self, slots: int, at_once: int, waiting: int) -> None:
        """One address gets ``at_once`` of the slots, and ``waiting`` of its requests may wait for them."""
        self._queue: FairQueue[threading.Event] = FairQueue(slots, at_once, waiting)
        self._lock = threading.Lock()

    def enter(self, address: str, within_seconds: float) -> bool:
        """Wait for a slot; return ``False`` where none came free in time, or too many of the address wait."""
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
        """Give back a slot."""
        with self._lock:
            self._queue.done(address)
            self._begin()

    def _begin(self) -> None:
        while (taken := self._queue.take()) is not None:
            taken[1].set()


class UnreadAnswers:
    """Counts the bytes of answers that wait for slow readers, by address: each is kept whole.

    Nothing here lets another greenlet run.
    """

    def __init__(self, limit_bytes: int = UNREAD_BYTES, of_one_address_bytes: int = OF_ONE_ADDRESS_BYTES) -> None:
        self._limit_bytes: Final = limit_bytes
        self._of_one_address_bytes: Final = of_one_address_bytes
        self._of_address: Counter[str] = Counter()
        self._all_bytes = 0

    def admit(self, address: str, length: int) -> bool:
        """Count an answer; return ``False``, and do not count it, where too much waits already.

        One answer is kept for each address, however long it is.
        """
        own = self._of_address[address]
        if own and (own + length > self._of_one_address_bytes or self._all_bytes + length > self._limit_bytes):
            return False
        self._add(address, length)
        return True

    def release(self, address: str, length: int) -> None:
        """The client has taken the answer, or has gone."""
        self._add(address, -length)

    def _add(self, address: str, length: int) -> None:
        self._all_bytes += length
        self._of_address[address] += length
        if not self._of_address[address]:
            del self._of_address[address]


def _socket_number(descriptor: int) -> int | None:
    try:
        return os.fstat(descriptor).st_ino
    except OSError:
        return None
