"""Clients of a ws replica that record all received packets."""

import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable
from typing import Any

import websocket

from tests.drivers.waiting import Deadline


class RawClient:
    """A WebSocket client that keeps the text of every Socket.IO packet, in the order of arrival."""

    def __init__(
        self,
        port: int,
        *namespaces: str,
        auth: object = None,
        headers: tuple[str, ...] = (),
        address: str = "127.0.0.1",
    ) -> None:
        """Connect from a loopback ``address``."""
        self.packets: list[str] = []
        self._arrived = threading.Condition()
        self._closed = threading.Event()
        self.close_code: int | None = None
        self.connection = websocket.create_connection(
            f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket",
            timeout=60,
            socket=socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(address, 0)),
            header=list(headers),
            suppress_origin=True,
            skip_utf8_validation=True,  # faster; decoding checks it too
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        for namespace in namespaces:
            self.connect(namespace, auth)

    def connect(self, namespace: str, auth: object = None) -> None:
        """Connect to a namespace and wait for its confirmation."""
        prefix = "" if namespace == "/" else f"{namespace},"
        self.connection.send(f"40{prefix}{'' if auth is None else json.dumps(auth)}")
        self.wait(lambda packet: packet.startswith(f'0{prefix}{{"sid"'))

    def _read(self) -> None:
        try:
            while True:
                opcode, data = self.connection.recv_data()
                if opcode == websocket.ABNF.OPCODE_CLOSE:
                    self.close_code = int.from_bytes(data[:2], "big") if data else None
                    break
                text = data.decode()
                if text == "2":
                    self.connection.send("3")
                with self._arrived:
                    self.packets.append(text[1:])
                    self._arrived.notify_all()
        except (OSError, websocket.WebSocketException):
            pass
        finally:
            self._closed.set()

    def wait(self, wanted: Callable[[str], bool], count: int = 1, within_seconds: float = 20.0) -> list[str]:
        """Wait for ``count`` packets that match; return them."""
        deadline = Deadline(within_seconds)
        with self._arrived:
            while True:
                found = [packet for packet in self.packets if wanted(packet)]
                if len(found) >= count:
                    return found
                left = deadline.left
                assert left > 0, f"came: {[packet[:80] for packet in self.packets[-20:]]}"
                self._arrived.wait(min(left, 1))

    def event(self, name: str, count: int = 1, **how: Any) -> str:
        """Wait for the ``count``-th event of that name in any namespace; return its payload as text."""
        found = self.wait(_is_event(name), count, **how)[count - 1]
        return found[found.index(f'"{name}",') + len(name) + 3 : -1]

    def payloads(self, name: str) -> list[Any]:
        """Return the decoded payloads of all events of that name so far."""
        with self._arrived:
            found = list(filter(_is_event(name), self.packets))
        return [json.loads(packet[packet.index("[") :])[1] for packet in found]

    def names(self) -> list[str]:
        """Return the names of all events so far."""
        with self._arrived:
            return [json.loads(packet[packet.index("[") :])[0] for packet in self.packets if packet.startswith("2")]

    def send(self, packet: str) -> None:
        """Send an Engine.IO packet."""
        self.connection.send(packet)

    def wait_until_closed(self, after: str = "", *, within_seconds: float = 20.0) -> None:
        """Wait until the connection has closed; ``after`` names the reason in the error."""
        assert self._closed.wait(within_seconds), f"still connected after {after[:100]!r}"

    @property
    def closed(self) -> bool:
        """Whether the connection has closed."""
        return self._closed.is_set()

    def close(self) -> None:
        """Close the connection."""
        connection = self.connection.sock  # the thread may remove it meanwhile
        if connection is None:
            return
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)  # ends the thread's read
        self._thread.join(20)
        self.connection.shutdown()


def _is_event(name: str) -> Callable[[str], bool]:
    """Whether a packet is an event of that name, in any namespace."""
    pattern = re.compile(rf'2(?:/\w+,)?\["{name}",')
    return lambda packet: bool(pattern.match(packet))


def websocket_request(extensions: str = "") -> bytes:
    """Return the request of a WebSocket handshake."""
    return (
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        + (f"Sec-WebSocket-Extensions: {extensions}\r\n" if extensions else "").encode()
        + b"\r\n"
    )


def bare_websocket(port: int, extensions: str = "") -> socket.socket:
    """Open a TCP connection and do the WebSocket handshake."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.sendall(websocket_request(extensions))
    assert connection.recv(12) == b"HTTP/1.1 101"
    return connection
