"""Slow clients: many connections, each of which sends a byte at a time, or reads nothing.

``python -m tests.drivers.slow_crowd PORT COUNT KIND…`` runs them in a process until its standard input ends.
"""

import errno
import select
import socket
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from tests.drivers.raw_client import websocket_request

#: Seconds between two bytes of a connection, and before a disconnected client returns.
PAUSE_SECONDS: Final = 1.0
#: Connections that open at the same time.
_AT_A_TIME: Final = 50
#: Receive buffer of a client that reads nothing: small, so that the server can send little.
_RECEIVE_BYTES: Final = 2048
_SEGMENT_BYTES: Final = 536


@dataclass(frozen=True)
class Kind:
    """How a client is slow: the bytes that it sends at first, and those that it repeats byte by byte."""

    opening: bytes
    dripping: bytes = b""
    reads: bool = True


_HEAD: Final = b"Host: 127.0.0.1\r\n"
_FORM: Final = b"Content-Type: application/x-www-form-urlencoded\r\n"
_FRAME: Final = b"\x81\xfe\x10\x00" + bytes(4) + b"4"

KINDS: Final = {
    "half request line": Kind(b"GET /", b"a"),
    "half head": Kind(b"GET /api/health HTTP/1.1\r\n" + _HEAD + b"X-Slow: ", b"a"),
    "heads without end": Kind(b"GET /api/health HTTP/1.1\r\n" + _HEAD, b"X-Slow: a\r\n"),
    "half form": Kind(b"POST /login HTTP/1.1\r\n" + _HEAD + _FORM + b"Content-Length: 16000\r\n\r\n", b"a"),
    "half body, long": Kind(b"POST /login HTTP/1.1\r\n" + _HEAD + _FORM + b"Content-Length: 3000000\r\n\r\n", b"a"),
    "half chunks": Kind(
        b"POST /api/publish/cluster:alerts HTTP/1.1\r\n" + _HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"
    ),
    "unread answers": Kind((b"GET /static/dashboard.js HTTP/1.1\r\n" + _HEAD + b"\r\n") * 20, reads=False),
    "unread polls": Kind((b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n" + _HEAD + b"\r\n") * 20, reads=False),
    "half body of a poll": Kind(
        b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n" + _HEAD + b"Content-Length: 16000\r\n\r\n", b"a"
    ),
    "half upgrade": Kind(websocket_request()[:-2] + b"X-Slow: ", b"a"),
    "WebSockets that say nothing": Kind(websocket_request(), reads=False),
    "half frames": Kind(websocket_request() + _FRAME, b"a"),
    "nothing": Kind(b""),
}
#: Kinds for the api.
API_KINDS: Final = (
    "half request line", "half head", "heads without end", "half form", "half body, long", "half chunks",
    "unread answers", "nothing",
)  # fmt: skip
WS_KINDS: Final = (
    "half request line", "half head", "half body of a poll", "half upgrade", "unread polls",
    "WebSockets that say nothing", "half frames", "nothing",
)  # fmt: skip


class _Client:
    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        if not kind.reads:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT_BYTES)
        self.sent = 0
        self.is_new = True
        self.next_at = 0.0


class SlowCrowd:
    """Connections to ``127.0.0.1:port``, with alternating kinds, in a thread."""

    def __init__(self, port: int, count: int, *kinds: str, returns: bool = True) -> None:
        """``returns``: whether disconnected clients return."""
        self._address = ("127.0.0.1", port)
        self._kinds = [KINDS[kind] for kind in kinds]
        self._count = count
        self._returns = returns
        self._clients: dict[int, _Client] = {}
        #: Times at which disconnected clients return.
        self._away: deque[float] = deque()
        self._epoll = select.epoll()
        self._ends = threading.Event()
        self._is_complete = threading.Event()
        #: Connections opened, and connections that the server has closed.
        self.counted: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._clients)

    def wait(self, within_seconds: float = 60.0) -> None:
        """Wait until all connections were open once."""
        assert self._is_complete.wait(within_seconds), f"{len(self)} of {self._count}: {self.counted}"

    def close(self) -> None:
        """Close all connections."""
        self._ends.set()
        self._thread.join()
        for client in self._clients.values():
            client.socket.close()
        self._epoll.close()

    def _run(self) -> None:
        while not self._ends.is_set():
            for _ in range(min(_AT_A_TIME, self._wanted())):
                self._begin(self._kinds[self.counted["begun"] % len(self._kinds)])
            for descriptor, flags in self._epoll.poll(0.05, 256):
                client = self._clients.get(descriptor)
                if client is not None:
                    self._look(client, flags)
            now = time.monotonic()
            for client in [each for each in self._clients.values() if each.next_at <= now]:
                self._drip(client, now)
            if self.counted["begun"] >= self._count and not any(client.is_new for client in self._clients.values()):
                self._is_complete.set()

    def _wanted(self) -> int:
        """Return the number of connections to open now."""
        if not self._returns:
            return self._count - self.counted["begun"]
        now = time.monotonic()
        while self._away and self._away[0] <= now:
            self._away.popleft()
        return self._count - len(self._clients) - len(self._away)

    def _begin(self, kind: Kind) -> None:
        client = _Client(kind)
        if client.socket.connect_ex(self._address) not in (0, errno.EINPROGRESS):
            client.socket.close()
            return
        self.counted["begun"] += 1
        client.next_at = float("inf")
        self._clients[client.socket.fileno()] = client
        self._epoll.register(client.socket, select.EPOLLOUT)

    def _look(self, client: _Client, flags: int) -> None:
        try:
            if flags & (select.EPOLLHUP | select.EPOLLERR):
                raise ConnectionResetError
            if flags & select.EPOLLOUT:
                client.socket.send(client.kind.opening)
                client.is_new = False
                client.next_at = time.monotonic() + PAUSE_SECONDS
                self._epoll.modify(client.socket, select.EPOLLIN if client.kind.reads else 0)
            elif not client.socket.recv(65536):
                raise ConnectionResetError
        except BlockingIOError:
            return
        except OSError:
            self._lose(client)

    def _drip(self, client: _Client, now: float) -> None:
        client.next_at = now + PAUSE_SECONDS
        dripping = client.kind.dripping
        if not dripping:
            return
        at = client.sent % len(dripping)
        client.sent += 1
        try:
            client.socket.send(dripping[at : at + 1])
        except BlockingIOError:
            return
        except OSError:
            self._lose(client)

    def _lose(self, client: _Client) -> None:
        self.counted["ended"] += 1
        self._away.append(time.monotonic() + PAUSE_SECONDS)
        del self._clients[client.socket.fileno()]
        self._epoll.unregister(client.socket)
        client.socket.close()


def main(arguments: list[str], say: Callable[[str], object]) -> None:
    """Run clients until standard input ends; print a line when all are connected."""
    crowd = SlowCrowd(int(arguments[0]), int(arguments[1]), *arguments[2:])
    crowd.wait()
    say("complete\n")
    sys.stdin.read()
    with suppress(BrokenPipeError):
        say(f"{dict(crowd.counted)}\n")
    crowd.close()


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    main(sys.argv[1:], sys.stdout.write)
