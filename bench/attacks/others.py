"""The other clients, which measure latencies."""

import http.client
import re
import socket
import threading
import time
from typing import Final

import websocket

from runtime.clock import unix_seconds

#: Longest measured time in seconds; longer times count as this time.
PATIENCE_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = 0.5
_TIMESTAMP: Final = re.compile(r'"timestamp":"([^"]+)"')


class Others:
    """Clients from separate addresses, which wait for pushes and request pages; results are in nanoseconds."""

    def __init__(self, port: int, cookie: str, count: int) -> None:
        self._port = port
        self._cookie = cookie
        self._count = count
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sockets: list[websocket.WebSocket] = []
        #: Monotonic time of the last snapshot by client.
        self._arrived: dict[int, int] = {}
        #: Ages of snapshots on arrival, and times between two snapshots at a client.
        self.pushes: list[int] = []
        self._gaps: list[int] = []
        self.health: list[int] = []
        self.pages: list[int] = []
        self.failures: list[str] = []

    def start(self) -> None:
        """Connect the clients and start them."""
        for number in range(self._count):
            address = f"127.0.0.{100 + number}"
            bare = socket.create_connection(("127.0.0.1", self._port), PATIENCE_SECONDS, source_address=(address, 0))
            connection = websocket.create_connection(
                f"ws://127.0.0.1:{self._port}/socket.io/?EIO=4&transport=websocket",
                timeout=PATIENCE_SECONDS,
                socket=bare,
                origin=f"http://127.0.0.1:{self._port}",
                cookie=self._cookie,
            )
            connection.send("40")
            self._sockets.append(connection)
            self._spawn(self._listen, connection, number)
            self._spawn(self._request, address, number)

    def forget(self) -> None:
        """Discard all results."""
        self.pushes, self._gaps, self.health, self.pages = [], [], [], []

    def longest_gap(self) -> int:
        """Return the longest time that a client was without a new snapshot."""
        now = time.monotonic_ns()
        return max([*self._gaps, *(now - arrived for arrived in self._arrived.values())])

    def stop(self) -> None:
        """Disconnect the clients."""
        self._stopping.set()
        for connection in self._sockets:
            connection.shutdown()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def _spawn(self, function: object, *arguments: object) -> None:
        thread = threading.Thread(target=function, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _listen(self, connection: websocket.WebSocket, number: int) -> None:
        self._arrived[number] = time.monotonic_ns()
        while not self._stopping.is_set():
            try:
                text = str(connection.recv())
            except (OSError, websocket.WebSocketException) as error:
                if not self._stopping.is_set():
                    self.failures.append(f"a WebSocket ended: {error!r}")
                return
            if text == "2":
                connection.send("3")
            elif text.startswith('42["redis_cluster_metrics"') and (found := _TIMESTAMP.search(text)):
                before, self._arrived[number] = self._arrived[number], time.monotonic_ns()
                self._gaps.append(self._arrived[number] - before)
                self.pushes.append(int((time.time() - unix_seconds(found[1])) * 1e9))

    def _request(self, address: str, number: int) -> None:
        time.sleep(PAUSE_SECONDS * number / self._count)
        while not self._stopping.wait(PAUSE_SECONDS):
            self.health.append(self._get(address, "/api/health"))
            self.pages.append(self._get(address, "/"))

    def _get(self, address: str, path: str) -> int:
        began = time.monotonic_ns()
        connection = http.client.HTTPConnection(
            "127.0.0.1", self._port, timeout=PATIENCE_SECONDS, source_address=(address, 0)
        )
        try:
            connection.request("GET", path, headers={"Cookie": self._cookie, "Accept": "*/*"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                self.failures.append(f"{path}: {answer.status}")
                return int(PATIENCE_SECONDS * 1e9)
        except OSError as error:
            self.failures.append(f"{path}: {error!r}")
            return int(PATIENCE_SECONDS * 1e9)
        finally:
            connection.close()
        return time.monotonic_ns() - began
