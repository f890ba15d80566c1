"""A client's socket that no thread waits for.

How much of a request has arrived is looked at without taking it. What the client does not take of an answer is kept,
and sent when the client takes more. Nor is a body asked for (RFC 9110, 10.1.1) before anybody wants to read it.
"""

import re
import socket
from collections import deque
from enum import Enum
from typing import Any, Final

#: What gunicorn sends as soon as it has read the head of a request that expects it.
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
#: Bytes that the head of a request may have.
HEAD_BYTES: Final = 16 * 1024
#: Bytes of a request, its body included, that are waited for before it gets a thread. A longer one gets it early.
REQUEST_BYTES: Final = 32 * 1024

_LENGTH: Final = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*([0-9]+)[ \t]*\r\n", re.IGNORECASE)
#: Digits of a length that is looked at; a longer one is too long in any case.
_DIGITS: Final = 9
#: What makes a client wait for a word before it sends the body.
_EXPECT: Final = re.compile(rb"\r\nexpect[ \t]*:", re.IGNORECASE)


class BufferedSocket(socket.socket):
    """Takes the place of an accepted socket, whose ``sendall`` and ``sendfile`` return at once.

    One thread uses it at a time.
    """

    def __init__(self, accepted: socket.socket) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self._unsent: deque[memoryview] = deque()
        #: What the client has not taken yet.
        self.unsent_bytes = 0
        self._may_continue = False

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send, but for ``CONTINUE``: it goes out when the body is read, and not at all once the answer has begun.

        Raises:
            OSError: the client has gone.
        """
        if data == CONTINUE:
            self._may_continue = True
            return len(CONTINUE)
        return super().send(data, flags)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Receive what the client sends, and ask for it where the client waits for that.

        Raises:
            OSError: the client has gone.
        """
        if self._may_continue:
            self._may_continue = False
            super().send(CONTINUE)
        return super().recv(size, flags)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send what the client takes at once, and keep the rest.

        Raises:
            OSError: the client has gone.
        """
        self._may_continue = False
        self._unsent.append(memoryview(data))
        self.unsent_bytes += len(data)
        if len(self._unsent) == 1:
            self.send_unsent()

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send a part of a file in the same way; our files are small."""
        file.seek(offset)
        content = file.read() if count is None else file.read(count)
        self.sendall(content)
        return len(content)

    def send_unsent(self) -> None:
        """Send of what was kept as much as the client takes now.

        Raises:
            OSError: the client has gone.
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
    """What has come of a request."""

    INCOMPLETE = "incomplete"
    #: It may be read: all of it is there, or no more will come, or it is too long to be waited for.
    READY = "ready"
    #: Its head is longer than ``HEAD_BYTES``.
    TOO_LONG = "too long"


def request_state(client: socket.socket) -> tuple[RequestState, bytes]:
    """Look at what stands on a socket that does not block, and leave it there; return how much it is, and the bytes.

    Where more is to come, the poller will not wake up for the same bytes again.
    """
    wanted = client.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)
    try:
        request = client.recv(REQUEST_BYTES, socket.MSG_PEEK)
    except BlockingIOError:
        return RequestState.INCOMPLETE, b""
    except OSError:
        return RequestState.READY, b""
    missing = missing_bytes(request)
    if missing is None and len(request) >= HEAD_BYTES:
        return RequestState.TOO_LONG, request
    # Woken with less than was waited for: the client has closed its side.
    if missing == 0 or len(request) < wanted:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        return RequestState.READY, request
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(request) + (missing or 1))
    return RequestState.INCOMPLETE, request


def missing_bytes(request: bytes) -> int | None:
    """How many bytes are waited for; ``None`` where the head is not whole, so that nobody knows.

    0 also for a body that is too long to be waited for, or comes without a length, or only when it is asked for.
    """
    end = request.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = request[: end + 2]
    length = _LENGTH.search(head)
    if length is None or _EXPECT.search(head):
        return 0
    digits = length[1].lstrip(b"0") or b"0"
    total = end + 4 + (int(digits) if len(digits) <= _DIGITS else REQUEST_BYTES)
    return 0 if total > REQUEST_BYTES else max(0, total - len(request))
