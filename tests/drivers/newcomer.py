"""A client that connects once, without retries."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import requests
import websocket

#: Longest wait in seconds for a person, on a busy machine.
PATIENCE_SECONDS = 15


def get(url: str) -> requests.Response:
    """Get ``url`` over a new connection.

    Raises:
        AssertionError: the answer is not 200.
        OSError: there is no answer.
    """
    answer = requests.get(url, timeout=PATIENCE_SECONDS, headers={"Connection": "close"})
    assert answer.status_code == 200, f"{answer.status_code} {answer.text[:100]}"
    return answer


def connect(origin: str) -> str:
    """Connect by WebSocket and disconnect; return the replica's name.

    Raises:
        OSError, websocket.WebSocketException: the only attempt failed.
    """
    with closing(_open(origin)) as connection:
        for name, payload in _events(connection):
            if name == "connection_confirmed":
                return str(payload["replica"])
    raise AssertionError("closed")


def arrivals(origin: str) -> Iterator[tuple[float, dict[str, object]]]:
    """Stay connected; yield each snapshot of ``/`` with the monotonic time of its arrival."""
    with closing(_open(origin)) as connection:
        connection.settimeout(60)
        for name, payload in _events(connection):
            if name == "redis_cluster_metrics":
                yield time.monotonic(), payload


class SingleConnection:
    """Stays connected until the server disconnects it, and does not reconnect."""

    def __init__(self, origin: str) -> None:
        #: Time of the disconnection; monotonic.
        self.ended_at: float | None = None
        #: The replica, after its confirmation.
        self.replica = ""
        self._connection = _open(origin)
        self._connection.settimeout(60)
        self._thread = threading.Thread(target=self._stay, daemon=True)
        self._thread.start()

    def _stay(self) -> None:
        with contextlib.suppress(OSError, websocket.WebSocketException):
            for _, data in _events(self._connection):
                self.replica = str(data.get("replica", self.replica))
        self.ended_at = time.monotonic()

    def close(self) -> None:
        """Disconnect."""
        if (sock := self._connection.sock) is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # ends the thread's read
        self._thread.join(20)
        self._connection.shutdown()


def _open(origin: str) -> websocket.WebSocket:
    url = f"ws{origin.removeprefix('http')}/socket.io/?EIO=4&transport=websocket"
    connection = websocket.create_connection(url, timeout=PATIENCE_SECONDS, suppress_origin=True)
    connection.send("40")
    return connection


def _events(connection: websocket.WebSocket) -> Iterator[tuple[str, dict[str, object]]]:
    while True:
        packet = connection.recv()
        if not isinstance(packet, str) or not packet:
            return
        if packet == "2":
            connection.send("3")
        elif packet.startswith("42["):
            name, payload = json.loads(packet[2:])
            yield name, payload
