"""Connections by address: one address cannot take all that the gateway holds."""

import os
import time
from collections.abc import Callable
from typing import Final

from access.proxies import counted_as

#: Seconds between two looks at which connections of an address are still there.
SWEEP_SECONDS: Final = 1.0


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
        address = counted_as(address)
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


def _socket_number(descriptor: int) -> int | None:
    try:
        return os.fstat(descriptor).st_ino
    except OSError:
        return None
