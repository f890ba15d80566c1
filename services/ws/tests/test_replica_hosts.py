"""A replica answers to its own host names, on every path."""

import pytest

from tests.drivers.raw_http import ask, exchange, request
from tests.drivers.replica import Replica, Start
from ws.tests.conftest import NO_PINGS

POLLING = "/socket.io/?EIO=4&transport=polling"
WEBSOCKET = (
    *("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"),
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


@pytest.fixture(scope="module")
def replica(module_replicas: Start) -> Replica:
    return module_replicas(PUBLIC_URL="http://cluster.example", prelude=NO_PINGS)


@pytest.mark.parametrize("path", [POLLING, f"{POLLING}&sid=x", "/livez", "/readyz", "/metrics", "/", "/nowhere"])
def test_every_path_refuses_another_host_with_a_sentence_that_names_the_setting(replica: Replica, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        answer = ask(replica.port, request(method, path, host="evil.example"))
        assert (answer.status, b"PUBLIC_URL" in answer.body) == (421, True)
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert ask(replica.port, request("HEAD", path, host="evil.example")).body == b""


def test_websocket_of_another_host_is_refused_though_its_origin_is_the_same(replica: Replica) -> None:
    path = "/socket.io/?EIO=4&transport=websocket"

    for origin in ("http://evil.example", "http://cluster.example"):
        answer = ask(replica.port, request("GET", path, *WEBSOCKET, f"Origin: {origin}", host="evil.example"))
        assert answer.status == 421


def test_host_is_read_from_all_forms_of_a_request(replica: Replica) -> None:
    assert ask(replica.port, request("GET", POLLING, host="cluster.example")).status == 200
    assert ask(replica.port, request("GET", f"http://localhost{POLLING}", host="evil.example")).status == 200
    assert ask(replica.port, request("GET", f"http://evil.example{POLLING}", host="localhost")).status == 421
    for both in (("Host: localhost", "Host: evil.example"), ("Host: evil.example", "Host: localhost")):
        assert ask(replica.port, request("GET", POLLING, *both)).status == 400


def test_request_without_a_host_is_allowed_for_probes(replica: Replica) -> None:
    def status(path: str) -> int:
        (answer,) = exchange(replica.port, f"GET {path} HTTP/1.0\r\n\r\n".encode())
        return answer.status

    assert [status(path) for path in ("/livez", "/readyz", "/metrics", POLLING)] == [200, 200, 421, 421]


def test_refused_hosts_are_counted_and_logged_at_a_limited_rate(module_replicas: Start) -> None:
    replica = module_replicas()
    before = replica.metric("ws_rejected_requests_total")
    for number in range(3):
        exchange(replica.port, request("GET", "/", host=f"{number}.evil.example"))

    assert replica.process.log().count("evil.example") == 1
    assert "PUBLIC_URL" in replica.process.log()
    assert replica.metric("ws_rejected_requests_total") - before == 3
