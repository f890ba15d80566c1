"""A real replica, its raw clients, and a stand-in for the collector."""

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client
import requests
import websocket

from contract.names import ALERTS_CHANNEL, HEALTH_CHANNEL, LATEST_TTL_SECONDS, METRICS_CHANNEL, latest_key
from tests.drivers.process import python
from tests.drivers.valkey import Valkey, free_port
from tests.drivers.waiting import eventually

GOLDEN = Path(__file__).parents[3] / "contract" / "golden" / "messages"
GOLDEN_OF_CHANNEL = {METRICS_CHANNEL: "metrics", HEALTH_CHANNEL: "health", ALERTS_CHANNEL: "alerts"}


def message(channel: str, **changes: Any) -> bytes:
    """The golden message of a channel, with some of its fields changed."""
    content = json.loads((GOLDEN / f"{GOLDEN_OF_CHANNEL[channel]}.json").read_bytes())
    return json.dumps({**content, **changes}, separators=(",", ":"), ensure_ascii=False).encode()


class Collector:
    """Publishes as the collector does: ``:latest`` and the channel in one transaction."""

    def __init__(self, redis: redis_client.Redis) -> None:
        self._redis = redis

    def publish(self, channel: str, raw: bytes) -> None:
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.set(latest_key(channel), raw, px=LATEST_TTL_SECONDS * 1000)
        pipeline.publish(channel, raw)
        pipeline.execute()


class RawClient:
    """A WebSocket client that keeps the text of every Socket.IO packet, in the order of arrival."""

    def __init__(self, port: int, *namespaces: str, auth: object = None, headers: tuple[str, ...] = ()) -> None:
        self.packets: list[str] = []
        self._arrived = threading.Condition()
        self._closed = threading.Event()
        self.close_code: int | None = None
        self.connection = websocket.create_connection(
            f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket",
            timeout=60,
            header=list(headers),
            suppress_origin=True,
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        for namespace in namespaces:
            self.connect(namespace, auth)

    def connect(self, namespace: str, auth: object = None) -> None:
        """Ask for a namespace and wait until it is granted."""
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
        """Wait until ``count`` packets came that are wanted; return them."""
        deadline = time.monotonic() + within_seconds
        with self._arrived:
            while True:
                found = [packet for packet in self.packets if wanted(packet)]
                if len(found) >= count:
                    return found
                left = deadline - time.monotonic()
                assert left > 0, f"came: {[packet[:80] for packet in self.packets[-20:]]}"
                self._arrived.wait(left)

    def event(self, name: str, count: int = 1, **how: Any) -> str:
        """Wait for the ``count``-th event of that name, in any namespace; return its payload's text."""
        pattern = re.compile(rf'2(?:/\w+,)?\["{name}",')
        found = self.wait(lambda packet: bool(pattern.match(packet)), count, **how)[count - 1]
        return found[found.index(f'"{name}",') + len(name) + 3 : -1]

    def payloads(self, name: str) -> list[Any]:
        """The decoded payloads of all events of that name so far."""
        pattern = re.compile(rf'2(?:/\w+,)?\["{name}",')
        with self._arrived:
            found = [packet for packet in self.packets if pattern.match(packet)]
        return [json.loads(packet[packet.index("[") :])[1] for packet in found]

    def names(self) -> list[str]:
        """The names of all events so far."""
        with self._arrived:
            return [json.loads(packet[packet.index("[") :])[0] for packet in self.packets if packet.startswith("2")]

    def send(self, packet: str) -> None:
        """Send an Engine.IO packet."""
        self.connection.send(packet)

    def wait_until_closed(self, within_seconds: float = 20.0) -> None:
        """Wait until the connection ended."""
        assert self._closed.wait(within_seconds), "still connected"

    @property
    def closed(self) -> bool:
        """Whether the connection ended."""
        return self._closed.is_set()

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(OSError):
            self.connection.sock.shutdown(socket.SHUT_RDWR)  # ends the thread's read
        self._thread.join(20)
        self.connection.shutdown()


def bare_websocket(port: int, extensions: str = "") -> socket.socket:
    """A TCP connection after the handshake of a WebSocket."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.sendall(
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        + (f"Sec-WebSocket-Extensions: {extensions}\r\n" if extensions else "").encode()
        + b"\r\n"
    )
    assert connection.recv(12) == b"HTTP/1.1 101"
    return connection


class Replica:
    """One replica as a process."""

    def __init__(self, redis_url: str, **env: str) -> None:
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.process = python("ws", "ws", env={"REDIS_URL": redis_url, "WS_PORT": str(self.port), **env})
        self.process.start()
        self._clients: list[RawClient] = []

    def get(self, path: str, **how: Any) -> requests.Response:
        """Ask for a path."""
        return requests.get(self.origin + path, timeout=15, **how)

    def wait_until_ready(self) -> None:
        """Wait until it follows Redis."""

        def ready() -> bool:
            assert self.process.running, self.process.log()
            return self.get("/readyz").text == "ready\nredis: up\n"

        eventually(ready, within_seconds=30, what="the replica to follow Redis")

    def client(self, *namespaces: str, **how: Any) -> RawClient:
        """A client, connected to some namespaces."""
        client = RawClient(self.port, *(namespaces or ("/",)), **how)
        self._clients.append(client)
        return client

    def bare_websocket(self, extensions: str = "") -> socket.socket:
        """A TCP connection after the handshake of a WebSocket."""
        return bare_websocket(self.port, extensions)

    def metric(self, sample: str) -> float:
        """The value of one sample of ``/metrics``; 0 where there is none."""
        found = re.search(rf"^{re.escape(sample)} (\S+)$", self.get("/metrics").text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def close(self) -> None:
        """End it and its clients."""
        for client in self._clients:
            client.close()
        self.process.kill()


@pytest.fixture(scope="session", name="message")
def _message() -> Callable[..., bytes]:
    return message


@pytest.fixture
def replicas(valkey: Valkey) -> Iterator[Callable[..., Replica]]:
    started: list[Replica] = []

    def start(**env: str) -> Replica:
        replica = Replica(valkey.url, **env)
        started.append(replica)
        replica.wait_until_ready()
        return replica

    yield start
    logs = [replica.process.log() for replica in started]
    for replica in started:
        replica.close()
    assert not [log for log in logs if "Traceback" in log]


@pytest.fixture
def replica(replicas: Callable[..., Replica]) -> Replica:
    return replicas()


@pytest.fixture
def collector(redis: redis_client.Redis) -> Collector:
    return Collector(redis)
