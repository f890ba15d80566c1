"""Watches all clients' sockets with one epoll, which the event loop waits for.

The loop needs a listener, and often a greenlet, for each socket that it waits for. Here the loop waits for a single
descriptor, that of the epoll, and each client costs an entry in the kernel and an entry in a dictionary.
"""

import time
from typing import Final, Protocol

from ws import loop

READABLE: Final = 1
WRITABLE: Final = 4
#: Most sockets that one call of epoll returns, and seconds of work after which other greenlets run.
BATCH: Final = 256
SLICE_SECONDS: Final = 0.005

#: EPOLLRDHUP: the peer has closed its writing side.
_PEER_CLOSED: Final = 0x2000


class SocketOwner(Protocol):
    """The owner of a socket. Neither method may let another greenlet run."""

    def readable(self) -> None:
        """Handle a socket that has data or has lost its connection."""
        ...

    def writable(self) -> None:
        """Handle a socket that accepts more data."""
        ...


class SocketMonitor:
    """Calls the owners of sockets that are ready."""

    def __init__(self) -> None:
        self._epoll = loop.epoll()
        self._owners: Final[dict[int, SocketOwner]] = {}

    def add(self, fd: int, owner: SocketOwner) -> None:
        """Watch a socket for reading."""
        self._owners[fd] = owner
        self._epoll.register(fd, READABLE)

    def watch_close(self, fd: int, owner: SocketOwner) -> None:
        """Call the owner's ``readable`` when the peer closes the connection; ignore data."""
        self._owners[fd] = owner
        self._epoll.register(fd, _PEER_CLOSED)

    def change(self, fd: int, owner: SocketOwner, *, reads: bool, writes: bool) -> None:
        """Change the watched events; a lost connection is always reported."""
        self._owners[fd] = owner
        self._epoll.modify(fd, (READABLE if reads else 0) | (WRITABLE if writes else 0))

    def remove(self, fd: int) -> None:
        """Stop watching a socket; must be called before the socket is closed."""
        if self._owners.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def run(self) -> None:
        """Watch forever."""
        while True:
            loop.wait_readable(self._epoll.fileno())
            self._handle_ready()

    def _handle_ready(self) -> None:
        # A separate function, so that no local variable keeps a client alive during the next wait.
        ready = [(fd, events, self._owners.get(fd)) for fd, events in self._epoll.poll(0, BATCH)]
        until = time.monotonic() + SLICE_SECONDS
        for fd, events, owner in ready:
            # A new socket may have the same number by now.
            if events & ~WRITABLE and self._owners.get(fd) is owner is not None:
                owner.readable()
            if events & WRITABLE and self._owners.get(fd) is owner is not None:
                owner.writable()
            if time.monotonic() > until:
                time.sleep(0)
                until = time.monotonic() + SLICE_SECONDS
