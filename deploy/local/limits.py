"""The gateway's limits for each client address: connections, requests to the api, and memory for unread responses."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from access.proxies import client_network
from runtime.fair_queue import FairQueue

#: Seconds between two checks which connections of an address are still open.
SWEEP_SECONDS: Final = 1.0
#: Maximum bytes of unread responses, for all clients and for one address.
UNREAD_BYTES: Final = 192 * 1024 * 1024
ADDRESS_UNREAD_BYTES: Final = 64 * 1024 * 1024


class ConnectionLimit:
    """Counts the connections of each address by their descriptors. The close of a connection need not be reported.

    If a descriptor is admitted again, or belongs to another socket now, its previous connection is closed.
    """

    def __init__(self, limit: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        """``limit``: maximum connections per address."""
        self._limit = limit
        self._monotonic = monotonic
        #: By address and descriptor: the inode number of the socket, which no other open socket has.
        self._sockets: dict[str, dict[int, int]] = {}
        self._address_of: dict[int, str] = {}
        self._swept_at: dict[str, float] = {}

    def admit(self, address: str, descriptor: int) -> bool:
        """Count a connection; return ``False`` without counting it if its address has reached the limit."""
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
        """Stop counting a connection."""
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
        for descriptor, inode in list(self._sockets[address].items()):
            if _socket_inode(descriptor) != inode:
                self.release(descriptor)


class RequestSlots:
    """Limits the number of requests that the api serves concurrently. Other requests wait, and addresses take turns.

    Safe for use from several threads.
    """

    def __init__(self, slots: int, address_slots: int, waiting: int) -> None:
        """``address_slots``: maximum slots per address; ``waiting``: maximum waiting requests per address."""
        self._queue: FairQueue[threading.Event] = FairQueue(slots, address_slots, waiting)
        self._lock = threading.Lock()

    def enter(self, address: str, within_seconds: float) -> bool:
        """Wait for a slot; return ``False`` on a timeout, or if too many requests of the address wait."""
        granted = threading.Event()
        with self._lock:
            if not self._queue.offer(address, granted):
                return False
            self._grant_slots()
        if granted.wait(within_seconds):
            return True
        with self._lock:
            return not self._queue.withdraw(address, granted)

    def leave(self, address: str) -> None:
        """Release a slot."""
        with self._lock:
            self._queue.done(address)
            self._grant_slots()

    def _grant_slots(self) -> None:
        while (next_request := self._queue.take()) is not None:
            next_request[1].set()


class UnreadResponseLimit:
    """Counts the bytes of buffered responses that wait for slow readers, by address.

    No method switches to another greenlet.
    """

    def __init__(self, limit_bytes: int = UNREAD_BYTES, address_limit_bytes: int = ADDRESS_UNREAD_BYTES) -> None:
        self._limit_bytes: Final = limit_bytes
        self._address_limit_bytes: Final = address_limit_bytes
        self._of_address: Counter[str] = Counter()
        self._all_bytes = 0

    def admit(self, address: str, length: int) -> bool:
        """Count a response; return ``False`` without counting it if too many bytes wait already.

        The first response of an address is always admitted, whatever its length.
        """
        own = self._of_address[address]
        if own and (own + length > self._address_limit_bytes or self._all_bytes + length > self._limit_bytes):
            return False
        self._add(address, length)
        return True

    def release(self, address: str, length: int) -> None:
        """Stop counting a response that was read, or that has lost its client."""
        self._add(address, -length)

    def _add(self, address: str, length: int) -> None:
        self._all_bytes += length
        self._of_address[address] += length
        if not self._of_address[address]:
            del self._of_address[address]


def _socket_inode(descriptor: int) -> int | None:
    try:
        return os.fstat(descriptor).st_ino
    except OSError:
        return None
