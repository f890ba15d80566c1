"""The closing handshake of a WebSocket (RFC 6455, 7)."""

import os
import time
from typing import Final

from ws.engine.session_context import SessionContext
from ws.loop import read, shut_writing, write

#: Seconds that a client may take to acknowledge the end of its connection.
CLOSE_SECONDS: Final = 5.0
#: Bytes read at a time, to be thrown away.
READ_BYTES: Final = 16 * 1024


class ClosingSocket:
    """The close frame goes out behind the rest of the frame before it; what the client still sends is thrown away."""

    __slots__ = ("_context", "_fd", "_last", "_rest", "deadline")

    def __init__(self, context: SessionContext, fd: int, rest: memoryview, last: bytes) -> None:
        self._context = context
        self._fd = fd
        self._rest = rest
        self._last = memoryview(last)
        self.deadline = time.monotonic() + CLOSE_SECONDS
        context.transient_sockets.add(self)
        context.socket_monitor.add(fd, self)
        self.writable()

    def readable(self) -> None:
        """Throw away what comes; the end is the end."""
        try:
            if not read(self._fd, READ_BYTES):
                self.end()
        except BlockingIOError:
            pass
        except OSError:
            self.end()

    def writable(self) -> None:
        """Write the rest; then say that nothing more comes."""
        try:
            if self._rest:
                self._rest = self._rest[write(self._fd, self._rest) :]
            if not self._rest:
                self._last = self._last[write(self._fd, self._last) :]
        except BlockingIOError:
            pass
        except OSError:
            self.end()
            return
        if not self._last:
            shut_writing(self._fd)
        self._context.socket_monitor.change(self._fd, self, reads=True, writes=bool(self._last))

    def end(self) -> None:
        """Close the socket."""
        if self in self._context.transient_sockets:
            self._context.transient_sockets.discard(self)
            self._context.socket_monitor.remove(self._fd)
            os.close(self._fd)
