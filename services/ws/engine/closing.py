"""The closing handshake of a WebSocket (RFC 6455, 7)."""

import os
import time
from typing import Final

from ws.engine.session_context import SessionContext
from ws.loop import read, shut_writing, write

#: Seconds that a client has to answer the close frame.
CLOSE_SECONDS: Final = 5.0
#: Bytes that one read discards.
READ_BYTES: Final = 16 * 1024


class ClosingSocket:
    """Sends the rest of the current frame, then the close frame; discards everything that the client sends."""

    __slots__ = ("_close_frame", "_context", "_fd", "_rest", "deadline")

    def __init__(self, context: SessionContext, fd: int, rest: memoryview, close_frame: bytes) -> None:
        self._context = context
        self._fd = fd
        self._rest = rest
        self._close_frame = memoryview(close_frame)
        self.deadline = time.monotonic() + CLOSE_SECONDS
        context.transient_sockets.add(self)
        context.socket_monitor.add(fd, self)
        self.writable()

    def readable(self) -> None:
        """Discard data; close the socket when the client has closed its side."""
        try:
            if not read(self._fd, READ_BYTES):
                self.end()
        except BlockingIOError:
            pass
        except OSError:
            self.end()

    def writable(self) -> None:
        """Write the rest and the close frame, then shut down the writing side."""
        try:
            if self._rest:
                self._rest = self._rest[write(self._fd, self._rest) :]
            if not self._rest:
                self._close_frame = self._close_frame[write(self._fd, self._close_frame) :]
        except BlockingIOError:
            pass
        except OSError:
            self.end()
            return
        if not self._close_frame:
            shut_writing(self._fd)
        self._context.socket_monitor.change(self._fd, self, reads=True, writes=bool(self._close_frame))

    def end(self) -> None:
        """Close the socket."""
        if self in self._context.transient_sockets:
            self._context.transient_sockets.discard(self)
            self._context.socket_monitor.remove(self._fd)
            os.close(self._fd)
