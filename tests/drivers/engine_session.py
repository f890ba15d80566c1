"""An Engine.IO session over HTTP, request by request: a test reads each response and closes connections itself."""

import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import websocket

from tests.drivers.polling_session import SEPARATOR

_PATIENCE_SECONDS: Final = 60.0


class Answer(NamedTuple):
    status: int
    text: str
    headers: http.client.HTTPMessage

    @property
    def packets(self) -> list[str]:
        """Return the Engine.IO packets in the response."""
        assert self.status == 200, self
        return self.text.split(SEPARATOR)


class EngineSession:
    """A session that began with a poll. ``stamp``: whether each request has a unique parameter ``t``."""

    def __init__(self, port: int, *, stamp: bool = True, address: str | None = None) -> None:
        """``address``: the client's address, as a proxy reports it."""
        self._headers = {} if address is None else {"X-Forwarded-For": address}
        self._port = port
        self._stamps = stamp
        self._requests = 0
        self._pool = ThreadPoolExecutor(8)
        answer = self.get()
        self.opening: Any = json.loads(answer.packets[0].removeprefix("0"))
        self.sid: str = self.opening["sid"]

    def target(self, transport: str = "polling") -> str:
        """Return the target of the next request."""
        self._requests += 1
        stamp = f"&t=x{self._requests}" if self._stamps else ""
        sid = f"&sid={self.sid}" if self._requests > 1 else ""
        return f"/socket.io/?EIO=4&transport={transport}{stamp}{sid}"

    def request(self, method: str, target: str, body: Any = None, **headers: str) -> Answer:
        """Send a request on a new connection; return the response."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE_SECONDS)
        try:
            connection.request(method, target, body, {**self._headers, **headers})
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode(), answer.headers)
        finally:
            connection.close()

    def get(self) -> Answer:
        """Poll; return the response."""
        return self.request("GET", self.target())

    def later(self) -> "Future[Answer]":
        """Poll in a thread; return the future response."""
        return self._pool.submit(self.request, "GET", self.target())

    def post(self, body: str | bytes, **headers: str) -> Answer:
        """Send packets."""
        return self.request("POST", self.target(), body.encode() if isinstance(body, str) else body, **headers)

    def connect(self) -> None:
        """Connect to ``/``; poll until the connection is confirmed."""
        assert self.post("40").status == 200
        packets: list[str] = []
        while not any("connection_confirmed" in packet for packet in packets):
            packets += self.get().packets

    @contextmanager
    def waiting_connection(self, *, has_arrived: bool = True) -> Iterator[socket.socket]:
        """Yield a connection with an unanswered poll. With ``has_arrived``, the server has read the poll."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=_PATIENCE_SECONDS) as connection:
            connection.sendall(f"GET {self.target()} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            if has_arrived:
                self.request("GET", "/livez")  # this later request is answered
            yield connection

    def websocket(self) -> websocket.WebSocket:
        """Open a WebSocket that can upgrade the session."""
        return websocket.create_connection(
            f"ws://127.0.0.1:{self._port}{self.target('websocket')}", timeout=_PATIENCE_SECONDS, suppress_origin=True
        )

    def events(self, name: str, answer: Answer) -> list[Any]:
        """Return the payloads of all events with that name in a response."""
        prefix = f'42["{name}",'
        return [json.loads(packet[2:])[1] for packet in answer.packets if packet.startswith(prefix)]

    def close(self) -> None:
        """Stop the threads; the session stays open."""
        self._pool.shutdown(wait=False)


def reset(connection: socket.socket) -> None:
    """Close a connection with RST, as a crashed proxy does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()
