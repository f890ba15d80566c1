"""A client's socket that never blocks a thread.

The worker peeks at the bytes of a request and leaves them on the socket. The socket buffers the part of a response that
the client has not read, and sends that part once the client reads more. A client that waits for ``100 Continue`` gets
it only when the application reads the body (RFC 9110, 10.1.1).
"""

import re
import socket
from collections import deque
from enum import Enum
from typing import Any, Final

#: gunicorn sends this when it has read the header of a request with ``Expect``.
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
#: Longest header of a request, in bytes.
HEADER_BYTES: Final = 16 * 1024
#: Bytes of a request, its body included, that must arrive before it gets a thread. A longer request gets a thread
#: early.
REQUEST_BYTES: Final = 32 * 1024

_LENGTH: Final = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*([0-9]+)[ \t]*\r\n", re.IGNORECASE)
#: Digits of a length that are parsed. A longer number is above the limit in any case.
_DIGITS: Final = 9
#: With this header a client waits for ``100 Continue`` before it sends the body.
_EXPECT: Final = re.compile(rb"\r\nexpect[ \t]*:", re.IGNORECASE)


class BufferedSocket(socket.socket):
    """Replaces an accepted socket. Its ``sendall`` and ``sendfile`` return immediately.

    One thread uses the socket at a time.
    """

    def __init__(self, accepted: socket.socket) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self._unsent: deque[memoryview] = deque()
        #: Bytes that the client has not read yet.
        self.unsent_bytes = 0
        self._may_continue = False

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send ``data``. Hold ``CONTINUE`` back until the body is read, and drop it once the response has begun.

        Raises:
            OSError: the client has disconnected.
        """
        if data == CONTINUE:
            self._may_continue = True
            return len(CONTINUE)
        return super().send(data, flags)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Receive data, after ``CONTINUE`` if the client waits for it.

        Raises:
            OSError: the client has disconnected.
        """
        if self._may_continue:
            self._may_continue = False
            super().send(CONTINUE)
        return super().recv(size, flags)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send as much as the client reads now, and buffer the rest.

        Raises:
            OSError: the client has disconnected.
        """
        self._may_continue = False
        self._unsent.append(memoryview(data))
        self.unsent_bytes += len(data)
        if len(self._unsent) == 1:
            self.send_unsent()

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send a part of a file in the same way. The files of this service are small."""
        file.seek(offset)
        content = file.read() if count is None else file.read(count)
        self.sendall(content)
        return len(content)

    def send_unsent(self) -> None:
        """Send as much of the buffered data as the client reads now.

        Raises:
            OSError: the client has disconnected.
        """
        while self._unsent:
            data = self._unsent[0]
            try:
                sent = super().send(data, socket.MSG_DONTWAIT) if data else 0
            except BlockingIOError:
                return
            self.unsent_bytes -= sent
            if sent < len(data):
                self._unsent[0] = data[sent:]
                return
            self._unsent.popleft()


class RequestState(Enum):
    """How much of a request has arrived."""

    INCOMPLETE = "incomplete"
    #: A thread may read the request: it is complete, the client has stopped sending, or the request is too long to wait
    #: for.
    READY = "ready"
    #: The header is longer than ``HEADER_BYTES``.
    TOO_LONG = "too long"


def request_state(client: socket.socket) -> tuple[RequestState, bytes]:
    """Peek at the bytes on a non-blocking socket. Return the state of the request, and the bytes.

    If the request is incomplete, the poller wakes up again only when more bytes have arrived.
    """
    minimum_bytes = client.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)
    try:
        request = client.recv(REQUEST_BYTES, socket.MSG_PEEK)
    except BlockingIOError:
        return RequestState.INCOMPLETE, b""
    except OSError:
        return RequestState.READY, b""
    missing = missing_bytes(request)
    if missing is None and len(request) >= HEADER_BYTES:
        return RequestState.TOO_LONG, request
    # Fewer bytes than requested woke the poller: the client has closed its side.
    if missing == 0 or len(request) < minimum_bytes:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        return RequestState.READY, request
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(request) + (missing or 1))
    return RequestState.INCOMPLETE, request


def missing_bytes(request: bytes) -> int | None:
    """Return the number of bytes to wait for; ``None`` if the header is incomplete.

    Also 0 for a body that is too long to wait for, has no length, or is sent only after ``100 Continue``.
    """
    end = request.find(b"\r\n\r\n")
    if end < 0:
        return None
    header = request[: end + 2]
    length = _LENGTH.search(header)
    if length is None or _EXPECT.search(header):
        return 0
    digits = length[1].lstrip(b"0") or b"0"
    total = end + 4 + (int(digits) if len(digits) <= _DIGITS else REQUEST_BYTES)
    return 0 if total > REQUEST_BYTES else max(0, total - len(request))
