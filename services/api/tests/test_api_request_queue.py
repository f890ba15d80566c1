"""Requests of one address wait for each other and do not delay other addresses."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from access.proxies import TrustedProxies
from api.request_queue import QUEUE_LENGTH, QUICK_THREADS, RequestQueue

Start = Callable[..., Any]

#: Makes requests for the OpenAPI document last longer than any test.
STUCK = 'import api.openapi; api.openapi._encoded = lambda: __import__("time").sleep(600)'
#: Makes requests for history last longer than any test.
STUCK_HISTORY = 'import api.history; api.history.read_query = lambda *_: __import__("time").sleep(600)'
LOUD, QUIET = "192.0.2.1", "192.0.2.2"


def head(target: str, *chain: str) -> bytes:
    lines = [f"GET {target} HTTP/1.1", "Host: 127.0.0.1", *(f"X-Forwarded-For: {entry}" for entry in chain)]
    return "\r\n".join([*lines, "", ""]).encode()


def request_queue(*words: str, threads: int = 8) -> RequestQueue[str]:
    return RequestQueue(TrustedProxies.of(words), threads)


# The queue


@pytest.mark.parametrize(
    ("words", "chain", "address"),
    [
        ((), (LOUD,), "10.0.0.1"), (("peer",), (LOUD,), LOUD), (("peer",), (f"{QUIET}, {LOUD}",), LOUD),
        (("peer",), (QUIET, LOUD), LOUD), (("peer",), (), "10.0.0.1"), (("peer",), ("2001:db8::7",), "2001:db8::/64"),
        (("10.0.0.0/8",), (f"{LOUD}, 10.0.0.2",), LOUD),
    ],
)  # fmt: skip
def test_request_waits_in_the_queue_of_its_rate_limit_address(
    words: tuple[str, ...], chain: tuple[str, ...], address: str
) -> None:
    assert request_queue(*words).slot_for(head("/", *chain), "10.0.0.1").address == address


def test_body_does_not_set_the_address() -> None:
    sent = head("/") + f"\r\nX-Forwarded-For: {LOUD}\r\n".encode()
    assert request_queue("peer").slot_for(sent, "10.0.0.1").address == "10.0.0.1"


@pytest.mark.parametrize(
    ("request_line", "kind"),
    [
        ("GET /static/theme.css?v=1", "quick"), ("HEAD /livez", "quick"), ("GET /readyz?x", "quick"),
        ("GET /api/history?points=2", "long"), ("GET /api/history", "long"), ("GET /api/historyx", "usual"),
        ("GET /api/%68istory", "long"), ("GET http://127.0.0.1/api/history", "long"), ("GET /api/history%0a", "usual"),
        ("GET /api/incidents?hours=24", "long"), ("GET /api/history/moment", "long"),
        ("HEAD /api/history/marks", "long"), ("GET /api/history/top?by=max", "ranking"),
        ("GET /api/history/topx", "usual"),
        ("GET /", "usual"), ("GET /livezz", "usual"), ("GET /api/health", "usual"), ("POST /livez", "usual"),
        ("POST /api/publish/cluster:alerts", "message"), ("GET /api/publish/cluster:alerts", "usual"),
    ],
)  # fmt: skip
def test_request_waits_only_behind_requests_of_its_kind(request_line: str, kind: str) -> None:
    assert request_queue().slot_for(f"{request_line} HTTP/1.1\r\n\r\n".encode(), "10.0.0.1").kind == kind


def test_address_gets_a_quarter_of_the_threads_and_others_get_the_rest() -> None:
    # given
    queue = request_queue(threads=8)
    loud, quiet = queue.slot_for(head("/"), LOUD), queue.slot_for(head("/"), QUIET)
    for number in range(50):
        queue.offer(loud, f"loud {number}")
    assert [job for _, job in queue.next_requests()] == ["loud 0", "loud 1"]
    # when
    queue.offer(quiet, "quiet")
    # then
    assert [job for _, job in queue.next_requests()] == ["quiet"]


def test_address_gets_one_thread_for_long_requests() -> None:
    queue = request_queue(threads=8)
    for address in (LOUD, QUIET):
        slot = queue.slot_for(head("/api/history"), address)
        for number in range(2):
            queue.offer(slot, f"{address} {number}")

    assert [job for _, job in queue.next_requests()] == [f"{LOUD} 0", f"{QUIET} 0"]


# The service


@pytest.fixture
def crowded_api(start_api: Start) -> Iterator[Callable[..., Any]]:
    """Start a service, and send ``each`` requests without an answer from each of ``addresses``."""
    with ExitStack() as crowd:

        def start(addresses: list[str], each: int, target: str = "/api/openapi.json", prelude: str = STUCK) -> Any:
            process = start_api(prelude=prelude, API_THREADS="4", TRUSTED_PROXIES="peer").ready()
            for address in addresses:
                for _ in range(each):
                    client = crowd.enter_context(socket.create_connection(("127.0.0.1", process.port), timeout=30))
                    client.sendall(head(target, address))
            return process

        yield start


def status(process: Any, path: str, address: str) -> int:
    headers = {"X-Forwarded-For": address, "Connection": "close"}
    return requests.get(process.url + path, headers=headers, timeout=15).status_code


def test_request_is_answered_when_another_address_has_many_waiting(crowded_api: Start) -> None:
    process = crowded_api([LOUD], 40)
    assert [status(process, "/api/health", QUIET) for _ in range(3)] == [200, 200, 200]


def test_probes_and_static_files_are_answered_when_every_thread_is_busy(crowded_api: Start) -> None:
    process = crowded_api([f"198.51.100.{number}" for number in range(8)], 2)
    for path in ("/livez", "/readyz", "/static/theme.css"):
        assert [status(process, path, "198.51.100.0") for _ in range(QUICK_THREADS + 1)] == [200] * (QUICK_THREADS + 1)


def test_request_is_answered_when_many_addresses_request_history(crowded_api: Start) -> None:
    process = crowded_api([f"198.51.100.{number}" for number in range(8)], 2, "/api/history", STUCK_HISTORY)
    assert [status(process, "/api/health", "198.51.100.0") for _ in range(3)] == [200, 200, 200]


def test_request_is_refused_immediately_when_the_queue_of_its_address_is_full(crowded_api: Start) -> None:
    process = crowded_api([LOUD], QUEUE_LENGTH + 1)
    answer = requests.get(process.url + "/api/health", headers={"X-Forwarded-For": LOUD}, timeout=15)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")
    assert status(process, "/api/health", QUIET) == 200
