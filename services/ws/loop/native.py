"""The unpatched functions of the standard library, which never let other greenlets run.

The package imports this module before a loop patches the standard library. The patched ``select`` has no epoll, and a
patched socket would end the waiting of another greenlet for its descriptor.
"""

import contextlib
import os
import select
import socket
from collections.abc import Callable
from typing import Any, Final

#: Raise ``BlockingIOError`` where a patched function waits.
read: Final[Callable[[int, int], bytes]] = os.read
write: Final[Callable[[int, bytes | memoryview], int]] = os.write
epoll: Final = select.epoll
getaddrinfo: Final = socket.getaddrinfo

_poll: Final = select.poll
_Socket: Final = socket.socket


def resolve_with(in_thread: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """Return a ``getaddrinfo`` that resolves addresses at once, and names with ``in_thread``.

    So a slow name server does not block the loop, and addresses need no thread.
    """

    def resolve(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> list[Any]:
        try:
            return getaddrinfo(host, port, family, type, proto, flags | socket.AI_NUMERICHOST)
        except socket.gaierror:
            return in_thread(host, port, family, type, proto, flags)

    return resolve


def is_closed_by_peer(fd: int) -> bool:
    """Whether the peer has closed the connection, or its writing side."""
    poll = _poll()
    poll.register(fd, select.POLLRDHUP)
    return bool(poll.poll(0))


def shut_reading(fd: int) -> None:
    """Shut down the reading side of a connection, so that a waiting read returns."""
    _shut(fd, socket.SHUT_RD)


def shut_writing(fd: int) -> None:
    """Shut down the writing side of a connection."""
    _shut(fd, socket.SHUT_WR)


def _shut(fd: int, how: int) -> None:
    with contextlib.suppress(OSError):
        view = _Socket(fileno=fd)
        try:
            view.shutdown(how)
        finally:
            view.detach()
