"""A client's socket that no thread waits for: what the client does not take at once is kept, and sent when it does.

Nor is a body asked for (RFC 9110, 10.1.1) before anybody wants to read it.
"""

import socket
from collections import deque
from typing import Any, Final

#: What gunicorn sends as soon as it has read the head of a request that expects it.
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class PatientSocket(socket.socket):
    """Takes the place of an accepted socket, whose ``sendall`` and ``sendfile`` return at once.

    One thread uses it at a time.
    """

    def __init__(self, accepted: socket.socket) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self._kept: deque[memoryview] = deque()
        #: What the client has not taken yet.
        self.kept_bytes = 0
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
        self._kept.append(memoryview(data))
        self.kept_bytes += len(data)
        if len(self._kept) == 1:
            self.send_kept()

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send a part of a file in the same way; our files are small."""
        file.seek(offset)
        content = file.read() if count is None else file.read(count)
        self.sendall(content)
        return len(content)

    def send_kept(self) -> None:
        """Send of what was kept as much as the client takes now.

        Raises:
            OSError: the client has gone.
        """
        while self._kept:
            data = self._kept[0]
            try:
                sent = super().send(data, socket.MSG_DONTWAIT) if data else 0
            except BlockingIOError:
                return
            self.kept_bytes -= sent
            if sent < len(data):
                self._kept[0] = data[sent:]
                return
            self._kept.popleft()
