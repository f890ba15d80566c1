"""Clients of ``/monitoring`` that reconnect after each disconnection, to a random replica."""

import contextlib
import json
import random
import threading
import time
from collections.abc import Callable, Sequence

import websocket

from tests.drivers.follower import Follower


class ReconnectingClient:
    """One client with its own thread; a ``Follower`` applies its messages."""

    def __init__(self, ports: Callable[[], Sequence[int]], seed: int, mode: str = "delta") -> None:
        self._ports = ports
        self._random = random.Random(seed)
        self.follower = Follower(mode)
        #: Times of the connections to the namespace; monotonic.
        self.connected_at: list[float] = []
        #: Time and WebSocket close code of each disconnection.
        self.ended: list[tuple[float, int | None]] = []
        self.error: BaseException | None = None
        self._closing = threading.Event()
        self._connection: websocket.WebSocket | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                with contextlib.suppress(OSError, websocket.WebSocketException):
                    self._connect()
                self._closing.wait(self._random.uniform(0.05, 0.3))
        except BaseException as error:
            self.error = error

    def _connect(self) -> None:
        port = self._random.choice(self._ports())
        url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
        connection = websocket.create_connection(url, timeout=30, suppress_origin=True)
        self._connection = connection
        code: int | None = None
        try:
            connection.send(f"40/monitoring,{json.dumps({'subscribe': self.follower.connect()})}")
            while True:
                opcode, data = connection.recv_data()
                if opcode == websocket.ABNF.OPCODE_CLOSE:
                    code = int.from_bytes(data[:2], "big") if data else None
                    return
                self._take(connection, data.decode())
        finally:
            self.ended.append((time.monotonic(), code))
            connection.shutdown()

    def _take(self, connection: websocket.WebSocket, packet: str) -> None:
        if packet == "2":
            connection.send("3")
        elif packet.startswith("40/monitoring"):
            self.connected_at.append(time.monotonic())
        elif packet.startswith('42/monitoring,["'):
            name, payload = packet[len('42/monitoring,["') : -1].split('",', 1)
            if self.follower.receive(name, payload):
                wanted = json.dumps(["subscribe_to_updates", self.follower.subscribe()])
                connection.send(f"42/monitoring,{wanted}")

    def close(self) -> None:
        """Close the connection and stop the thread."""
        self._closing.set()
        if self._connection is not None and (sock := self._connection.sock) is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(2)
        self._thread.join(30)
