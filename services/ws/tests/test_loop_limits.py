"""The limits of time of both loops' servers, their fairness, and the take-over of a socket."""

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

import psutil
import pytest

from tests.drivers.loop_server import LOOPS, LoopServer, received
from tests.drivers.process import ROOT
from tests.drivers.raw_http import request
from tests.drivers.waiting import eventually

LIVE = request("GET", "/unread")


@pytest.fixture(scope="module", params=LOOPS)
def server(request: pytest.FixtureRequest) -> Iterator[LoopServer]:
    server = LoopServer(request.param, KEEPALIVE_SECONDS=3, HEAD_SECONDS=2)
    yield server
    server.process.kill()
    assert server.process.log() == "ready\n"


def test_connection_waits_for_its_next_request_within_a_limit(server: LoopServer) -> None:
    with server.connect() as connection:
        for _ in range(2):
            connection.sendall(request("GET", "/empty", close=False))
            assert connection.recv(65536).startswith(b"HTTP/1.1 204 No Content\r\n")
        began = time.monotonic()
        assert received(connection) == b""
        assert 2 < time.monotonic() - began < 10


@pytest.mark.parametrize("dripped", [b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"a" * 99, b"GET /" + b"a" * 99])
def test_dripping_head_has_a_limit_in_total(server: LoopServer, dripped: bytes) -> None:
    with server.connect() as connection:
        connection.settimeout(0.1)
        began = time.monotonic()
        for byte in dripped:
            try:
                connection.sendall(bytes([byte]))
                if connection.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert 1 < time.monotonic() - began < 8


@pytest.fixture(scope="module", params=LOOPS)
def impatient(request: pytest.FixtureRequest) -> Iterator[LoopServer]:
    """A server that waits three seconds for a client."""
    server = LoopServer(request.param, SOCKET_TIMEOUT_SECONDS=3)
    yield server
    server.process.kill()
    assert server.process.log() == "ready\n"


def test_client_that_reads_slowly_gets_the_whole_answer(impatient: LoopServer) -> None:
    got = 0
    with impatient.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        connection.sendall(request("GET", "/large"))
        # In total longer than the limit, which applies to each wait
        for _ in range(25):
            time.sleep(0.2)
            got += len(connection.recv(600_000, socket.MSG_WAITALL))
        got += len(received(connection))
    assert got > 20_000_000


def test_connection_of_a_client_that_does_not_read_is_closed(impatient: LoopServer) -> None:
    process = psutil.Process(impatient.process.pid)
    idle = process.num_fds()
    with impatient.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        connection.sendall(request("GET", "/large"))
        assert connection.recv(1)
        eventually(lambda: process.num_fds() <= idle, what="the end of the connection")
        assert len(received(connection)) < 20_000_000


@pytest.mark.parametrize("loop", LOOPS)
def test_descriptors_are_free_at_once_when_clients_are_lost_that_read_nothing(loop: str) -> None:
    server = LoopServer(loop)
    process = psutil.Process(server.process.pid)
    idle = process.num_fds()
    connections = [server.connect() for _ in range(3)]
    try:
        for connection in connections:
            connection.settimeout(0.2)
            # More than the kernel keeps
            with pytest.raises(TimeoutError):
                connection.sendall(1_000_000 * request("GET", "/stream", close=False))
        eventually(lambda: process.num_fds() == idle + len(connections), what="all connections")
        for connection in connections:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        eventually(lambda: process.num_fds() == idle, what="free descriptors")
    finally:
        for connection in connections:
            connection.close()
        server.process.kill()


def test_server_continues_when_no_descriptor_was_free(impatient: LoopServer) -> None:
    process = psutil.Process(impatient.process.pid)
    before = process.rlimit(psutil.RLIMIT_NOFILE)
    process.rlimit(psutil.RLIMIT_NOFILE, (process.num_fds() + 5, before[1]))
    connections = [impatient.connect() for _ in range(20)]
    try:
        for connection in connections[:5]:
            connection.sendall(request("GET", "/empty", close=False))
            assert connection.recv(65536).startswith(b"HTTP/1.1 204 ")
    finally:
        for connection in connections:
            connection.close()
    assert impatient.exchange(LIVE).endswith(b"unread")
    process.rlimit(psutil.RLIMIT_NOFILE, before)


def test_function_runs_after_the_response(server: LoopServer) -> None:
    server.exchange(request("GET", "/after"))

    assert "after" in server.detached()[0]


def test_connections_are_served_when_greenlets_are_always_ready() -> None:
    # Given greenlets that give way after each piece of work and are ready again at once
    for loop in LOOPS:
        server = LoopServer(loop)
        try:
            for _ in range(4):
                server.exchange(request("GET", "/spin"))
            counts = [int(server.exchange(request("GET", "/pieces")).rpartition(b"\r\n\r\n")[2]) for _ in range(21)]
            # Then each greenlet runs two pieces before the answer; with gevent's own ``sleep(0)``, twelve.
            assert median(after - before for before, after in pairwise(counts)) < 30, loop
        finally:
            server.process.kill()


def test_numeric_address_is_resolved_without_a_thread_and_a_name_in_a_thread() -> None:
    code = """
import ws.loop, os, socket, threading
threads = lambda: len(os.listdir("/proc/self/task"))
before = threads()
listener = ws.loop.Listener("127.0.0.1", 0)
socket.create_connection(listener.getsockname()).close()
socket.getaddrinfo("::1", 80)
print(threads() - before)
print(socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)[0][1].name, threads() > before)
try:
    socket.getaddrinfo("no.such.host.invalid", 80)
except socket.gaierror:
    print("unknown")
"""
    for loop in LOOPS:
        env = {**os.environ, "WS_LOOP": loop}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
        )
        assert (done.stdout, done.stderr) == ("0\nSOCK_STREAM True\nunknown\n", ""), loop


# -- the take-over of a socket


def watched(pid: int) -> list[int]:
    """Return the descriptors that the epolls of a process watch."""
    found = []
    for path in Path(f"/proc/{pid}/fdinfo").iterdir():
        found += [int(number) for number in re.findall(r"^tfd: +(\d+)", path.read_text(), re.MULTILINE)]
    return found


def test_loop_leaves_a_detached_socket_alone(server: LoopServer) -> None:
    # Given a connection that waits for its first request, so that the loop watches its socket
    with server.connect() as connection:
        time.sleep(0.2)
        connection.sendall(request("GET", "/detach"))
        connection.settimeout(1)
        # When the application has taken its socket over, then the server neither answers nor closes
        with pytest.raises(TimeoutError):
            connection.recv(1)
        fd = next(number for number in server.detached()[0] if isinstance(number, int))
        assert Path(f"/proc/{server.process.pid}/fd/{fd}").readlink().name.startswith("socket:")
        # And data of the client wakes the loop at most once
        connection.sendall(b"abc")
        eventually(lambda: fd not in watched(server.process.pid))
        before = cpu_ticks(server.process.pid)
        time.sleep(1)
        assert cpu_ticks(server.process.pid) - before < 20


def cpu_ticks(pid: int) -> int:
    """Return the CPU time of a process in hundredths of a second."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return int(user) + int(system)


# -- the listener and the signals


@pytest.mark.parametrize("loop", LOOPS)
def test_established_connections_stay_when_the_listener_is_closed(loop: str) -> None:
    server = LoopServer(loop, lingers_seconds=30)
    try:
        with server.connect() as connection:
            connection.sendall(request("GET", "/empty", close=False))
            assert connection.recv(65536).startswith(b"HTTP/1.1 204 ")
            os.kill(server.process.pid, signal.SIGTERM)

            def is_refused() -> bool:
                try:
                    server.connect().close()
                except ConnectionRefusedError:
                    return True
                return False

            eventually(is_refused)
            connection.sendall(LIVE)
            assert received(connection).endswith(b"unread")
    finally:
        server.process.kill()
    assert server.process.log() == "ready\n"
