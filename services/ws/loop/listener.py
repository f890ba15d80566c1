"""The listening socket, and the signals that shut down the process; the patched modules let other greenlets run."""

import errno
import signal
import socket
import time
from typing import Any

from ws.loop import limits


class Signals:
    """Lets a greenlet wait for the signals that shut down the process."""

    def __init__(self, *numbers: int) -> None:
        self._reader, self._writer = socket.socketpair()
        # A signal does not end the loop's wait; a byte to read does.
        self._writer.setblocking(False)
        for number in numbers:
            signal.signal(number, lambda number, _frame: self._writer.send(bytes([number])))

    def wait(self) -> int:
        """Wait for the first signal; return its number."""
        return self._reader.recv(1)[0]


class Listener:
    """A listening socket whose ``accept`` survives lost connections and a lack of file descriptors.

    Raises:
        OSError: the address is in use, or does not belong to this machine.
    """

    def __init__(self, host: str, port: int) -> None:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        self._closed = False
        self._accepted = 0
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            self._socket.bind(address)
            self._socket.listen(limits.ACCEPT_BACKLOG)
        except OSError:
            self._socket.close()
            raise

    @property
    def family(self) -> int:
        """Address family of the socket."""
        return self._socket.family

    def getsockname(self) -> Any:
        """Return the address that the socket listens on."""
        return self._socket.getsockname()

    def accept(self) -> tuple[Any, Any]:
        """Wait for a connection."""
        self._accepted += 1
        if self._accepted % limits.OPERATIONS_BEFORE_YIELD == 0:
            time.sleep(0)
        while not self._closed:
            try:
                return self._socket.accept()
            except OSError as error:
                # No descriptor is free, or the connection is lost. eventlet's server would stop at either error.
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    time.sleep(0.1)
        # Returning would let eventlet's server wait for its clients; the process is about to stop.
        while True:
            time.sleep(3600)

    def close(self) -> None:
        """Accept no more connections; existing connections stay open."""
        self._closed = True
        self._socket.close()
