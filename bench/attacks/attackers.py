"""The attacks, which run from one loopback address until they are stopped.

Each attack is a function of a ``Target``. An attack runs in a separate process with a low priority and a fixed rate, so
that the result does not depend on the free time of the machine.
"""

import contextlib
import http.client
import json
import selectors
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Final, NamedTuple

from tests.drivers.hostile_exporters import serve
from tests.drivers.person import Person

ADDRESS: Final = "127.0.0.66"
PACKET_LIMIT_BYTES: Final = 512 * 1024


class Target(NamedTuple):
    """The address of the product, and the credentials of the attacker."""

    port: int
    #: Name of the session cookie, and a user with a password.
    cookie: str
    user: str
    password: str
    #: A token with the scope ``publish``.
    token: str
    #: A targets file of the collector that does not exist yet.
    more_targets: Path

    @property
    def origin(self) -> str:
        """Origin of the product's pages."""
        return f"http://127.0.0.1:{self.port}"


def bombs(target: Target) -> None:
    """Send compressed packets that inflate to 512 KiB, 28 per second on each of 60 WebSockets."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    text = b"40/monitoring," + b'{"subscribe":"'.ljust(PACKET_LIMIT_BYTES - 14, b"a")
    data = (compressor.compress(text) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
    frame = struct.pack("!BBH", 0xC1, 0xFE, len(data)) + bytes(4) + data
    _keep_sending(60, lambda: _websocket(target), frame, each_second=28)


def half_sign_ins(target: Target) -> None:
    """Keep 200 sign-ins of 4 MiB open without their last byte."""
    head = (
        f"POST /login HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    )
    _keep_open(200, lambda: _sent(target, head, 4 << 20))


def half_posts(target: Target) -> None:
    """Keep 700 POSTs of 512 KiB to polling sessions open without their last byte."""

    def begin() -> socket.socket:
        path = "/socket.io/?EIO=4&transport=polling"
        sid = json.loads(_get(target, path)[1].removeprefix(b"0"))["sid"]
        head = f"POST {path}&sid={sid} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
        return _sent(target, head, PACKET_LIMIT_BYTES)

    _keep_open(700, begin)


def guesses(target: Target) -> None:
    """Guess the password of a known user ten times per second."""
    person = Person(target.cookie)
    for number in _ticks(10):
        person.try_to_sign_in(target.origin, target.user, f"guess {number}")


def sign_in_pages(target: Target) -> None:
    """Request the sign-in page 127 times per second."""
    _keep_requesting(target, "/login", 127)


def static_files(target: Target) -> None:
    """Request a compressed static file 63 times per second."""
    _keep_requesting(target, "/static/dashboard.js", 63)


def idle_connections(target: Target) -> None:
    """Keep 1050 silent connections open."""
    _keep_open(1050, lambda: _connection(target))


def sign_ins(target: Target) -> None:
    """Sign in five times per second, each time with the previous cookie."""
    person = Person(target.cookie)
    for _ in _ticks(5):
        person.try_to_sign_in(target.origin, target.user, target.password)


def large_publications(target: Target) -> None:
    """Publish 3 MB of ones 1.7 times per second."""
    body = b"[" + b",".join([b"1"] * 1_500_000) + b"]"
    headers = {"Authorization": f"Bearer {target.token}", "Content-Type": "application/json"}
    for _ in _ticks(1.7):
        connection = http.client.HTTPConnection("127.0.0.1", target.port, 30, source_address=(ADDRESS, 0))
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("POST", "/api/publish/metrics", body, headers)
            connection.getresponse().read()
        connection.close()


def hostile_exporters(count: int, target: Target) -> None:
    """Serve expositions of almost 8 MiB with 19,000 series, of four kinds, as ``count`` nodes of the cluster."""
    kinds = islice(cycle(("processors", "disks", "mounts", "series")), count)
    nodes = [{"host": f"127.0.0.1:{serve(kind)}", "name": f"{kind}{number}"} for number, kind in enumerate(kinds)]
    new = target.more_targets.with_suffix(".new")
    new.write_text(json.dumps({"workers": nodes}))
    new.replace(target.more_targets)
    threading.Event().wait()


class Attack(NamedTuple):
    """An attack, and the size of the cluster."""

    run: Callable[[Target], None]
    #: Simulated nodes that a collector scrapes; with 0, the benchmark publishes the snapshots.
    nodes: int = 0


ATTACKS: Final[Mapping[str, Attack]] = {
    "1680 compressed packets of 512 KiB a second, before sign-in": Attack(bombs),
    "200 incomplete sign-ins of 4 MiB": Attack(half_sign_ins),
    "700 incomplete polling POSTs of 512 KiB": Attack(half_posts),
    "10 wrong passwords a second for a known user": Attack(guesses),
    "127 `GET /login` a second": Attack(sign_in_pages),
    "63 compressed static files a second": Attack(static_files),
    "1050 idle connections": Attack(idle_connections),
    "5 sign-ins a second, each with the previous cookie": Attack(sign_ins),
    "3 MB of digits 1 published 1.7 times a second": Attack(large_publications),
    "8 hostile exporters beside 32: 8 MiB and 19,000 series each": Attack(partial(hostile_exporters, 8), nodes=32),
    "25 hostile exporters beside 75: 8 MiB and 19,000 series each": Attack(partial(hostile_exporters, 25), nodes=75),
}


def _ticks(each_second: float) -> Iterator[int]:
    """Count forever at a rate."""
    began, number = time.monotonic(), 0
    while True:
        yield number
        number += 1
        time.sleep(max(0.0, began + number / each_second - time.monotonic()))


def _connection(target: Target) -> socket.socket:
    return socket.create_connection(("127.0.0.1", target.port), 30, source_address=(ADDRESS, 0))


def _websocket(target: Target) -> socket.socket:
    connection = _connection(target)
    connection.sendall(
        f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n".encode()
    )
    if not connection.recv(4096).startswith(b"HTTP/1.1 101"):
        connection.close()
        raise ConnectionRefusedError
    return connection


def _get(target: Target, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", target.port, 30, source_address=(ADDRESS, 0))
    try:
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"} if path.startswith("/static/") else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _sent(target: Target, head: str, length: int) -> socket.socket:
    """Return a connection with a request that lacks its last byte."""
    connection = _connection(target)
    connection.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode() + b"4" * (length - 1))
    return connection


def _keep_requesting(target: Target, path: str, each_second: float) -> None:
    def ask() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            _get(target, path)

    with ThreadPoolExecutor(64) as pool:
        for _ in _ticks(each_second):
            pool.submit(ask)


def _keep_open(count: int, begin: Callable[[], socket.socket]) -> None:
    """Keep connections open; replace connections that the server closes."""
    watched = selectors.DefaultSelector()
    while True:
        if len(watched.get_map()) < count:
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError, IndexError):
                watched.register(begin(), selectors.EVENT_READ)
        for key, _ in watched.select(0 if len(watched.get_map()) < count else 0.1):
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            with contextlib.suppress(OSError):
                if connection.recv(1 << 16):
                    continue
            watched.unregister(connection)
            connection.close()


def _keep_sending(count: int, begin: Callable[[], socket.socket], data: bytes, each_second: float) -> None:
    """Send ``data`` on each connection at a rate; replace connections that the server closes."""
    connections: list[socket.socket | None] = [None] * count
    for _ in _ticks(each_second):
        for index, connection in enumerate(connections):
            try:
                if connection is None:
                    connection = connections[index] = begin()
                    connection.setblocking(False)
                connection.send(data)
            except BlockingIOError:
                pass
            except OSError:
                if connection is not None:
                    connection.close()
                connections[index] = None
