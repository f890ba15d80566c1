"""Which of the clients' sockets can be read or written: one epoll for all of them, which the event loop waits for.

The loop keeps a listener and often a greenlet for each socket that it waits for. Here it waits for a single descriptor,
the epoll's own, and what a client costs is an entry in the kernel and one in a dictionary.
"""

import time
from typing import Final, Protocol

from ws import loop

READABLE: Final = 1
WRITABLE: Final = 4
#: Sockets that are looked for at a time, and seconds after which other greenlets get their turn amid them.
BATCH: Final = 256
SLICE_SECONDS: Final = 0.005

#: The other side sends nothing more.
_PEER_CLOSED: Final = 0x2000


class SocketOwner(Protocol):
    """The owner of a socket. Neither method may let another greenlet run."""

    def readable(self) -> None:
        """There is something to read, or the connection is gone."""
        ...

    def writable(self) -> None:
        """The socket takes more."""
        ...


class SocketMonitor:
    """Calls the owners of the sockets that are ready."""

    def __init__(self) -> None:
        self._epoll = loop.epoll()
        self._owners: Final[dict[int, SocketOwner]] = {}

    def add(self, fd: int, owner: SocketOwner) -> None:
        """Watch a socket, for reading."""
        self._owners[fd] = owner
        self._epoll.register(fd, READABLE)

    def watch_close(self, fd: int, owner: SocketOwner) -> None:
        """Call the owner's ``readable`` once the other side closes the connection, whatever it has sent before."""
        self._owners[fd] = owner
        self._epoll.register(fd, _PEER_CLOSED)

    def change(self, fd: int, owner: SocketOwner, *, reads: bool, writes: bool) -> None:
        """Watch for what is wanted now; a connection that is gone always is."""
        self._owners[fd] = owner
        self._epoll.modify(fd, (READABLE if reads else 0) | (WRITABLE if writes else 0))

    def remove(self, fd: int) -> None:
        """Watch the socket no more; to be called before it is closed."""
        if self._owners.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def run(self) -> None:
        """Watch for good."""
        while True:
            loop.wait_readable(self._epoll.fileno())
            self._handle_ready()

    def _handle_ready(self) -> None:
        # On its own, so that nothing is kept of clients while the next event is waited for.
        ready = [(fd, events, self._owners.get(fd)) for fd, events in self._epoll.poll(0, BATCH)]
        until = time.monotonic() + SLICE_SECONDS
        for fd, events, owner in ready:
            # Another socket may have got the number since.
            if events & ~WRITABLE and self._owners.get(fd) is owner is not None:
                owner.readable()
            if events & WRITABLE and self._owners.get(fd) is owner is not None:
                owner.writable()
            if time.monotonic() > until:
                time.sleep(0)
                until = time.monotonic() + SLICE_SECONDS
