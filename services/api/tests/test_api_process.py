"""``python -m api`` as a process: its address, its shutdown, slow and broken clients, and limits of two processes."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from api.tests.conftest import golden, read_all
from contract.names import METRICS_CHANNEL
from tests.drivers.process import ROOT
from tests.drivers.waiting import Deadline, eventually

Start = Callable[..., Any]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process_becomes_ready_without_traffic_and_exits_with_0_on_sigterm(run_api: Start, number: Any) -> None:
    process = run_api()
    process.wait_until("/livez", 200)
    # On a slow machine Redis may answer the new worker late at first.
    eventually(lambda: process.get("/readyz").text == "ready\nredis: up\n", within_seconds=30)
    process.signal(number)
    assert process.wait() == 0
    lines = process.log.splitlines()
    assert all(" INFO api: " in line for line in lines), process.log
    assert f"listening on {process.url}" in process.log
    assert "stopped" in lines[-1]


def test_process_reports_draining_over_a_kept_connection_on_sigterm(start_api: Start) -> None:
    # By default gunicorn keeps the connection for only two more seconds, which may be too short on a slow machine.
    process = start_api(
        prelude="import api.server, gunicorn.workers.gthread; api.server.GRACE_SECONDS = 60; "
        "gunicorn.workers.gthread.STOP_KEEPALIVE_LINGER = 60"
    ).ready()
    with requests.Session() as kept:
        assert kept.get(process.url + "/readyz", timeout=30).status_code == 200
        process.signal(signal.SIGTERM)
        # The listening socket closes immediately. Open connections are served a little longer.
        deadline = Deadline(30)
        while "draining" not in kept.get(process.url + "/readyz", timeout=30).text:
            assert not deadline.has_passed
    assert process.wait() == 0


def test_process_exits_with_0_when_its_worker_is_still_starting(run_api: Start) -> None:
    process = run_api()
    deadline = Deadline(30)
    while not psutil.Process(process.pid).children():
        assert not deadline.has_passed
    assert process.stop() == 0
    assert "Traceback" not in process.log


def test_process_logs_one_sentence_and_exits_with_2_when_the_port_is_busy(run_api: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = run_api(API_PORT=port)
        assert process.wait() == 2
    (line,) = process.log.splitlines()
    assert f"127.0.0.1:{port}" in line
    assert "API_PORT" in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_HOST", "192.0.2.1"), ("API_HOST", "no such host"), ("API_HOST", "x" * 70), ("LOG_LEVEL", "loud"),
    ],
)  # fmt: skip
def test_process_names_the_setting_and_exits_with_2_when_it_is_bad(start_api: Start, name: str, value: str) -> None:
    process = start_api(**{name: value})
    assert process.wait() == 2
    (line,) = process.log.splitlines()
    assert name in line


def test_process_needs_no_home_and_leaves_no_files_when_it_runs(run_api: Start, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    run_api(HOME=str(home), XDG_RUNTIME_DIR=str(home), TMPDIR=str(home)).ready()
    assert list(home.rglob("*")) == []


#: Has an application decode its first messages in eight threads at the same time.
FIRST_MESSAGES = """
import sys, threading
from pathlib import Path
from api.app import create_app
from api.config import Config
from contract.codec import decode
from contract.messages import Snapshot
create_app(Config(redis_url="redis://127.0.0.1:1/0"))
sys.setswitchinterval(1e-6)
raw, all_there = Path("contract/golden/messages/metrics.json").read_bytes(), threading.Barrier(8)
def decode_first():
    all_there.wait()
    decode(raw, Snapshot)
for thread in [threading.Thread(target=decode_first) for _ in range(8)]:
    thread.start()
"""


def test_worker_does_not_crash_when_its_first_requests_arrive_together() -> None:
    # msgspec may crash the process if several threads use a new type for the first time: nine times out of ten in this
    # test.
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", FIRST_MESSAGES], cwd=ROOT, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_process_publishes_a_postponed_message_before_it_stops(start_api: Start, collector: Any, listener: Any) -> None:
    collector.store(METRICS_CHANNEL)
    process = start_api().ready()
    for _ in range(2):
        process.get("/api/cluster/nodes")
    assert process.stop() == 0
    assert len(listener.received()) == 2


def test_request_is_served_when_its_header_arrives_byte_by_byte(start_api: Start) -> None:
    process = start_api(API_THREADS="1").ready()
    with process.connect() as client:
        for _ in range(2):  # the second request on the kept connection
            for letter in b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n":
                client.sendall(bytes([letter]))
                time.sleep(0.002)
            answer = b""
            while not answer.endswith(b"live\n"):
                answer += client.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")


def test_connection_ends_immediately_when_the_client_closes_within_a_header(start_api: Start) -> None:
    process = start_api().ready()
    (worker,) = psutil.Process(process.pid).children()
    with process.connect(b"GET /li") as client:
        client.shutdown(socket.SHUT_WR)
        before = sum(worker.cpu_times()[:2])
        read_all(client)
        assert sum(worker.cpu_times()[:2]) - before < 1


def test_thread_is_released_when_a_client_does_not_read_its_response(start_api: Start, collector: Any) -> None:
    raw = golden("messages/metrics")
    collector.store(METRICS_CHANNEL, raw + b" " * (3_000_000 - len(raw)))
    process = start_api(API_THREADS="1", prelude="import api.worker; api.worker.REQUEST_SECONDS = 1.0").ready()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", process.port))
        client.sendall(b"GET /api/cluster/snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n" * 8)
        # On a slow machine, a request that uses its thread for a second is cut off too.
        process.wait_until("/livez", 200)
    assert "Traceback" not in process.log


GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"\x00" * 10_000,
    b"GET\r\n\r\n",
    b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /api/health HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"POST /api/health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /api/\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]


def test_process_keeps_working_with_a_short_log_when_garbage_arrives(start_api: Start) -> None:
    process = start_api().ready()
    for garbage in GARBAGE * 10:
        with process.connect() as client:
            try:
                client.sendall(garbage)
                client.shutdown(socket.SHUT_WR)
                read_all(client)
            except OSError:
                continue  # the process may close the connection before it has read everything
    assert process.get("/api/health").status_code == 200
    assert "Traceback" not in process.log
    assert len(process.log.splitlines()) < 8, process.log


def test_process_counts_malformed_requests(start_api: Start) -> None:
    process = start_api().ready()
    with process.connect(b"GET\r\n\r\n") as client:
        read_all(client)
    assert "api_malformed_requests_total 1.0" in process.get("/metrics").text


def test_process_uses_little_memory_after_all_kinds_of_requests(run_api: Start, collector: Any) -> None:
    collector.store_all()
    process = run_api().ready()
    for path in (
        "/",
        "/nodes",
        "/api/cluster/nodes",
        "/api/health",
        "/api/openapi.json",
        "/metrics",
        "/api/alerts/log",
    ):
        assert process.get(path).status_code == 200
    master = psutil.Process(process.pid)
    rss = [part.memory_info().rss for part in (master, *master.children())]
    assert len(rss) == 2
    assert sum(rss) < 90 * 1024 * 1024


def test_worker_is_replaced_when_it_is_killed(run_api: Start) -> None:
    process = run_api().ready()
    (worker,) = psutil.Process(process.pid).children()
    worker.kill()
    worker.wait(30)
    assert process.wait_until("/readyz", 200).text == "ready\nredis: up\n"
    assert process.stop() == 0


@pytest.mark.parametrize(
    ("variables", "levels"),
    [
        ({}, set()),
        ({"API_REQUEST_LOG": "yes"}, {"INFO"}),
        ({"API_LOG_LEVEL": "DEBUG", "LOG_LEVEL": "ERROR"}, {"DEBUG"}),
    ],
    ids=str,
)
def test_process_logs_requests_without_their_query_when_configured(
    run_api: Start, variables: dict[str, str], levels: set[str]
) -> None:
    process = run_api(LOG_FORMAT="json", **variables).ready()
    process.get("/livez?secret=5")
    process.signal(signal.SIGTERM)
    assert process.wait() == 0

    lines = [json.loads(line) for line in process.log.splitlines()]
    requests_told = [line for line in lines if line["logger"] == "api.requests" and line["path"] == "/livez"]
    assert {line["level"] for line in requests_told} == levels
    assert {line["service"] for line in lines} <= {"api"}
    assert "secret" not in process.log
    for line in requests_told:
        assert (line["method"], line["status"], line["address"]) == ("GET", 200, "127.0.0.1")
        assert line["seconds"] >= 0
