"""The load: many WebSocket clients in one process. It costs little CPU time, so that the server limits the result.

A client uses only enough Socket.IO to connect to a namespace and to answer pings. It reads the heads of frames, and the
number of the publication, which follows a mark in the first bytes of a payload.
"""

import errno
import itertools
import os
import select
import socket
import time
from array import array
from collections.abc import Sequence
from typing import Final

from tests.drivers.raw_client import websocket_request

READ_BYTES: Final = 1 << 18
#: The option's number in Linux; the standard library has the name since Python 3.13.
IP_BIND_ADDRESS_NO_PORT: Final = 24
#: Most connections that are being opened at the same time.
AT_A_TIME: Final = 256

_DEFLATE: Final = "permessage-deflate; client_max_window_bits"
_PONG: Final = b"\x81\x81\x00\x00\x00\x003"
#: Mark before the number of a publication, in the first bytes of a frame.
MARK: Final = b'{"n":'
#: Bytes of a frame that are searched for the mark.
SEARCHED_BYTES: Final = 192


class Client:
    """One connection."""

    __slots__ = ("frames", "gone", "live", "pending", "reads", "seen", "skip", "socket", "upgraded")

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.upgraded = False
        self.frames = 0
        #: Whether the client has joined its namespace.
        self.live = False
        self.gone = False
        self.reads = True
        #: Number of received publications.
        self.seen = 0
        #: Bytes to skip of the frame that is being received.
        self.skip = 0
        self.pending = b""


class Swarm:
    """Clients of one server, on one event loop of its own."""

    def __init__(
        self,
        port: int,
        *,
        deflate: bool = False,
        source: str = "127.0.0.1",
        connect: bytes = b"40",
        mark: bytes = MARK,
        cookies: Sequence[str] = (),
    ) -> None:
        """``cookies`` are values of the header ``Cookie`` that clients send in turn."""
        self._connect = b"\x81" + bytes([0x80 | len(connect)]) + bytes(4) + connect
        self._mark = mark
        self._address = ("127.0.0.1", port)
        self._source = source
        request = websocket_request(_DEFLATE if deflate else "")
        # The headers of a browser at the server's own page.
        shown = f"Origin: http://{self._address[0]}\r\nCookie: {{}}\r\n\r\n"
        requests = [request[:-2] + shown.format(cookie).encode() for cookie in cookies]
        self._requests = itertools.cycle(requests or [request])
        self._epoll = select.epoll()
        self.clients: dict[int, Client] = {}
        self._coming = 0
        self.failed = 0
        self.received = 0
        self.received_bytes = 0
        #: Monotonic time of each publication in nanoseconds, by number.
        self.published: Final[dict[int, int]] = {}
        #: Nanoseconds from a publication to its arrival at a client.
        self.latencies = array("q")
        self._by_count = deflate
        self.measures = False

    def connect(self, count: int, *, within_seconds: float = 60.0, at_a_time: int = AT_A_TIME) -> float:
        """Connect ``count`` more clients; return the seconds until all were connected."""
        wanted = sum(client.live for client in self.clients.values()) + count
        began, left = time.monotonic(), count
        while True:
            while left and self._coming < at_a_time:
                self._begin()
                left -= 1
            self.poll(0.1)
            live = sum(client.live for client in self.clients.values()) if not self._coming and not left else 0
            if not left and not self._coming and live + self.failed >= wanted:
                return time.monotonic() - began
            if time.monotonic() - began > within_seconds:
                self.failed += left + self._coming
                return time.monotonic() - began

    def poll(self, seconds: float) -> int:
        """Wait at most ``seconds`` for events; handle the events; return their number."""
        events = self._epoll.poll(seconds, 1024)
        for fd, flags in events:
            client = self.clients.get(fd)
            if client is None:
                continue
            if flags & select.EPOLLOUT:
                self._greet(client)
            else:
                self._receive(client)
        return len(events)

    def run(self, seconds: float) -> None:
        """Handle events for ``seconds``."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.poll(left)

    def begin_measuring(self, published: int) -> None:
        """Start the measurement after ``published`` publications."""
        self.latencies = array("q")
        self.received = self.received_bytes = 0
        for client in self.clients.values():
            client.seen = published
        self.measures = True

    def stop_reading(self, client: Client) -> None:
        """Stop reading at a client."""
        client.reads = False
        self._epoll.modify(client.socket.fileno(), 0)

    def read_again(self, client: Client) -> None:
        """Resume reading at a client."""
        client.reads = True
        if client.socket.fileno() in self.clients:
            self._epoll.modify(client.socket.fileno(), select.EPOLLIN)

    def close(self) -> None:
        """Close all connections."""
        for client in self.clients.values():
            client.socket.close()
        self.clients.clear()
        self._epoll.close()

    def _begin(self) -> None:
        client = Client()
        if self._source != "127.0.0.1":
            # The kernel chooses the port at connect(), so each source address can use all ports.
            client.socket.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            client.socket.bind((self._source, 0))
        error = client.socket.connect_ex(self._address)
        if error not in (0, errno.EINPROGRESS):
            client.socket.close()
            self.failed += 1
            return
        fd = client.socket.fileno()
        self.clients[fd] = client
        self._coming += 1
        self._epoll.register(fd, select.EPOLLOUT)

    def _greet(self, client: Client) -> None:
        try:
            client.socket.send(next(self._requests))
        except OSError:
            self._lose(client)
            return
        self._epoll.modify(client.socket.fileno(), select.EPOLLIN)

    def _lose(self, client: Client) -> None:
        fd = client.socket.fileno()
        self.clients.pop(fd, None)
        self._epoll.unregister(fd)
        client.socket.close()
        client.gone = True
        if not client.live:
            self._coming -= 1
            self.failed += 1

    def _receive(self, client: Client) -> None:
        try:
            data = os.read(client.socket.fileno(), READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose(client)
            return
        now = time.monotonic_ns()
        self.received_bytes += len(data)
        if client.pending:
            data, client.pending = client.pending + data, b""
        position, end = 0, len(data)
        if not client.upgraded:
            position = data.find(b"\r\n\r\n") + 4
            if position < 4:
                client.pending = data
                return
            if not data.startswith(b"HTTP/1.1 101 "):
                self._lose(client)
                return
            client.upgraded = True
            client.socket.send(self._connect)
        if client.skip:
            if client.skip >= end:
                client.skip -= end
                return
            position, client.skip = client.skip, 0
        while position < end:
            position = self._frame(client, data, position, end, now)
            if position < 0:
                return

    def _frame(self, client: Client, data: bytes, position: int, end: int, now: int) -> int:
        """Read the frame at ``position``; return the position of the next frame, or -1 if more data is needed."""
        # Keep an incomplete head, and bytes that are too few to contain the number.
        short = data[position + 1] & 127 if end - position > 1 else 127
        head = 2 if short < 126 else 4 if short == 126 else 10
        if end - position < head:
            client.pending = data[position:]
            return -1
        length = short if short < 126 else int.from_bytes(data[position + 2 : position + head], "big")
        start = position + head
        if end - start < min(length, SEARCHED_BYTES):
            client.pending = data[position:]
            return -1
        if length > 100:
            self._publication(client, data, start, start + min(length, SEARCHED_BYTES), now)
        elif data[position] == 0x88:
            pass  # the end of the connection follows
        elif data[start] == 50 and length == 1:
            client.socket.send(_PONG)
        elif not client.live:
            # With context takeover the packet cannot be inflated here; the second frame is the answer to CONNECT.
            client.frames += 1
            if data.startswith(b"40", start) or (data[position] & 0x40 and client.frames == 2):
                client.live = True
                self._coming -= 1
        following = start + length
        if following > end:
            client.skip = following - end
            return -1
        return following

    def _publication(self, client: Client, data: bytes, start: int, end: int, now: int) -> None:
        if not self.measures:
            return
        if self._by_count:
            number = client.seen
        else:
            mark = data.find(self._mark, start, end)
            if mark < 0:
                return
            number = int(data[mark + len(self._mark) : data.index(b",", mark)])
        client.seen = number + 1
        self.received += 1
        published = self.published.get(number)
        if published is not None:
            self.latencies.append(now - published)
