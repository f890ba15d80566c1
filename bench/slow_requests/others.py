"""The measured operations of other clients."""

import http.client
import json
import time
from collections.abc import Callable
from typing import Final

import websocket

from contract.names import METRICS_CHANNEL
from tests.drivers.publisher import Publisher, message
from tests.drivers.raw_client import RawClient

#: Seconds after which an operation fails.
PATIENCE_SECONDS: Final = 30.0
#: Seconds between two publications.
PAUSE_SECONDS: Final = 0.02

#: Runs an operation once; returns its nanoseconds.
Measure = Callable[[], int]


def health(port: int, token: str) -> Measure:
    """Return the operation ``GET /api/health`` on a new connection."""

    def measure() -> int:
        began = time.monotonic_ns()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        connection.request("GET", "/api/health", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        elapsed = time.monotonic_ns() - began
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"GET /api/health: {answer.status}")
        return elapsed

    return measure


def connect(port: int, token: str) -> Measure:
    """Return the operation of opening a WebSocket and joining a namespace."""

    def measure() -> int:
        began = time.monotonic_ns()
        connection = websocket.create_connection(
            f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket",
            timeout=PATIENCE_SECONDS,
            suppress_origin=True,
        )
        connection.send("40" + json.dumps({"token": token}))
        while not str(answer := connection.recv()).startswith("4"):
            pass
        elapsed = time.monotonic_ns() - began
        connection.shutdown()
        if not str(answer).startswith("40"):
            raise RuntimeError(f"not admitted: {answer!r}")
        return elapsed

    return measure


class Delivery:
    """The delivery of a publication to a client of ``/``."""

    def __init__(self, port: int, token: str, publisher: Publisher) -> None:
        self._publisher = publisher
        self._client = RawClient(port, "/", auth={"token": token})
        self._arrived = len(self._client.payloads("redis_cluster_metrics"))

    def __call__(self) -> int:
        """Measure one delivery."""
        time.sleep(PAUSE_SECONDS)
        self._arrived += 1
        now = time.time_ns()
        text = message(METRICS_CHANNEL, epoch=now // 10**9, seq=now % 10**9)
        began = time.monotonic_ns()
        self._publisher.publish(METRICS_CHANNEL, text)
        self._client.event("redis_cluster_metrics", self._arrived, within_seconds=PATIENCE_SECONDS)
        return time.monotonic_ns() - began

    def close(self) -> None:
        """Disconnect the client."""
        self._client.close()
