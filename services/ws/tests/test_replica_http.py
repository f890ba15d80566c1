"""Requirements of RFC 9112 and RFC 6455 for servers, beside Engine.IO."""

import json
import socket
import threading
import time
from contextlib import suppress
from itertools import pairwise

import pytest
from redis import Redis

from contract.names import REPLICAS_KEY, replica_key
from runtime.readiness import Readiness
from tests.drivers.engine_session import EngineSession
from tests.drivers.raw_http import ask, exchange, request
from tests.drivers.replica import Replica, Start
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually
from ws.counters import Counters
from ws.presence import Presence
from ws.tests.conftest import NO_PINGS

POLLING = "/socket.io/?EIO=4&transport=polling"
WEBSOCKET = "/socket.io/?EIO=4&transport=websocket"
UPGRADE = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")


@pytest.fixture(scope="module")
def replica(module_replicas: Start) -> Replica:
    return module_replicas(prelude=NO_PINGS)


@pytest.mark.parametrize("j", ["0", "1", "x", "%22%5C"])
def test_jsonp_is_refused(replica: Replica, j: str) -> None:
    assert ask(replica.port, request("GET", f"{POLLING}&j={j}")).status == 400
    sid = EngineSession(replica.port).sid
    assert ask(replica.port, request("GET", f"{POLLING}&sid={sid}&j={j}")).status == 400
    assert ask(replica.port, request("POST", f"{POLLING}&sid={sid}&j={j}", body=b"d=40")).status == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "TRACE"])
def test_unknown_method_is_refused_with_the_allowed_methods(replica: Replica, method: str) -> None:
    answer = exchange(replica.port, request(method, POLLING))[0]

    assert (answer.status, answer.headers["allow"]) == (400, "GET, POST, OPTIONS")


def test_answers_of_engine_io_are_not_cached_and_vary_with_the_origin(replica: Replica) -> None:
    for query in ("", "&EIO=3", "&sid=unknown", "&j=0"):
        answer = ask(replica.port, request("GET", POLLING + query))
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["vary"] == "Origin"
    for sent in (request("GET", POLLING, "Origin: http://evil.example"), request("OPTIONS", POLLING)):
        assert ask(replica.port, sent).headers["vary"] == "Origin"


def test_answers_of_engine_io_are_not_loaded_by_elements_of_other_pages(replica: Replica) -> None:
    session = EngineSession(replica.port)
    for sent in (
        *(request("GET", POLLING + query) for query in ("", "&EIO=3", "&sid=unknown", "&j=0")),
        *(request(method, POLLING, "Origin: http://evil.example") for method in ("GET", "OPTIONS")),
        request("PUT", POLLING),
        request("GET", WEBSOCKET),
    ):
        answer = ask(replica.port, sent)
        assert answer.headers["x-content-type-options"] == "nosniff", sent
        assert answer.headers["cross-origin-resource-policy"] == "same-origin", sent
    for own in (session.post("40"), session.get()):
        assert own.status == 200
        assert own.headers.get_all("X-Content-Type-Options") == ["nosniff"]
        assert own.headers.get_all("Cross-Origin-Resource-Policy") == ["same-origin"]


@pytest.mark.parametrize(
    "sent",
    [
        request("GET", "/livez"),
        request("GET", POLLING),
        request("PUT", POLLING),
        request("GET", WEBSOCKET, *UPGRADE, "Sec-WebSocket-Version: 8"),
        b"GET\r\n\r\n",
        b"GET / HTTP/3.0\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 200 + b"\r\n",
    ],
    ids=["page", "poll", "method", "websocket", "no version", "version", "no host", "headers"],
)
def test_no_answer_names_the_server(replica: Replica, sent: bytes) -> None:
    for answer in exchange(replica.port, sent):
        assert "server" not in answer.headers


def test_request_of_http_1_1_without_a_host_is_refused(replica: Replica) -> None:
    assert ask(replica.port, b"GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n").status == 400
    assert ask(replica.port, b"GET /livez HTTP/1.0\r\n\r\n").status == 200


@pytest.mark.parametrize("target", ["http://localhost/livez", "HTTP://LOCALHOST:80/livez?a=b", "/livez"])
def test_absolute_form_is_accepted(replica: Replica, target: str) -> None:
    assert ask(replica.port, request("GET", target)).body == b"live\n"


@pytest.mark.parametrize("target", ["http:///livez", "http://user@x/livez", "http://x/livez#y", "ftp://x/livez"])
def test_absolute_form_is_refused_when_it_is_not_valid(replica: Replica, target: str) -> None:
    assert ask(replica.port, request("GET", target)).status == 400


def test_absolute_form_decides_the_host_that_an_origin_is_compared_with(replica: Replica) -> None:
    target = f"http://localhost{POLLING}"

    ours = ask(replica.port, request("GET", target, "Origin: http://localhost", host="evil.example"))
    theirs = ask(replica.port, request("GET", target, "Origin: http://evil.example", host="evil.example"))

    assert (ours.status, theirs.status) == (200, 400)


def test_websocket_of_another_version_is_refused_with_the_right_version(replica: Replica) -> None:
    answer = ask(replica.port, request("GET", WEBSOCKET, *UPGRADE, "Sec-WebSocket-Version: 8"))

    assert (answer.status, answer.headers["sec-websocket-version"]) == (426, "13")


def test_websocket_over_http_1_0_is_refused(replica: Replica) -> None:
    sent = request("GET", WEBSOCKET, *UPGRADE, "Sec-WebSocket-Version: 13").replace(b"HTTP/1.1", b"HTTP/1.0")

    assert ask(replica.port, sent).status == 400


# -- chunked bodies


def chunks(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))


def test_chunked_body_is_read_and_its_connection_stays_open(replica: Replica) -> None:
    session = EngineSession(replica.port)
    post = request("POST", session.target(), "Transfer-Encoding: chunked", body=chunks(b"4", b"0"), close=False)

    posted, after = exchange(replica.port, post + request("GET", "/livez"))

    assert (posted.body, after.body) == (b"ok", b"live\n")
    assert session.get().text.startswith('40{"sid":')


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (["Transfer-Encoding: chunked", "Content-Length: 7"], b"2\r\n40\r\n0\r\n\r\n"),
        (["Transfer-Encoding: gzip, chunked"], b"2\r\n40\r\n0\r\n\r\n"),
        (["Transfer-Encoding: identity"], b"40"),
        # A space in Latin-1, which other servers do not strip.
        (["Transfer-Encoding: \xa0chunked"], b"2\r\n40\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], b"2\r\n40\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"+2\r\n40\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"3\r\n40\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"2\r\n40\r\n"),
        (["Transfer-Encoding: chunked"], chunks(b"4" * 600_000)),
        (["Transfer-Encoding: chunked"], b"1" * 300),
    ],
)
def test_chunked_body_is_refused_when_it_is_invalid_or_too_long(
    replica: Replica, headers: list[str], body: bytes
) -> None:
    session = EngineSession(replica.port)

    answers = exchange(replica.port, request("POST", session.target(), *headers, body=body, close=False))

    assert [answer.status for answer in answers] == [413 if len(body) > 524_288 else 400]


def test_chunked_body_is_refused_in_http_1_0(replica: Replica) -> None:
    sent = request("POST", EngineSession(replica.port).target(), "Transfer-Encoding: chunked", body=chunks(b"40"))

    assert ask(replica.port, sent.replace(b"HTTP/1.1", b"HTTP/1.0")).status == 400


def test_chunked_body_has_a_time_limit(replicas: Start) -> None:
    replica = replicas(prelude="import ws.loop.limits; ws.loop.limits.BODY_SECONDS = 1")
    session = EngineSession(replica.port)

    with socket.create_connection(("127.0.0.1", replica.port), timeout=30) as connection:
        connection.sendall(request("POST", session.target(), "Transfer-Encoding: chunked"))
        for _ in range(300):
            try:
                connection.sendall(b"1\r\n3\r\n")
            except ConnectionError:
                break
            time.sleep(0.1)
        else:
            pytest.fail("it was read for ever")

    assert session.get().status == 400


# -- presence


def test_client_without_a_namespace_is_disconnected(replicas: Start) -> None:
    replica = replicas(prelude="import ws.access.admission; ws.access.admission.FIRST_NAMESPACE_SECONDS = 4")
    stays, silent, polling = replica.client(), replica.bare_client(), EngineSession(replica.port)

    silent.wait_until_closed()
    eventually(lambda: replica.metric('ws_closes_total{reason="idle"}') == 2, what="both connections closed")

    assert polling.post("40").status == 400
    assert not stays.closed


def test_presence_is_refreshed_when_a_client_connects_or_disconnects(replicas: Start, redis: Redis) -> None:
    # given a replica whose regular refresh is so rare that only a change can cause a refresh
    replica = replicas(prelude="import ws.presence; ws.presence.PRESENCE_REFRESH_SECONDS = 3600")

    client = replica.client()
    name = json.loads(client.event("connection_confirmed"))["replica"]

    def counted() -> int:
        return int(redis.hget(replica_key(name), "connected_clients") or 0)

    eventually(lambda: counted() == 1, what="the client to be counted")
    client.close()
    eventually(lambda: counted() == 0, what="the client to be removed from the count")


def test_presence_is_written_once_a_second_at_most(valkey: Valkey) -> None:
    written: list[float] = []

    def write() -> None:
        written.append(time.monotonic())
        if len(written) == 4:
            raise SystemExit

    presence = Presence("id", valkey.client(), Readiness(), Counters(), lambda: 0)

    def run() -> None:
        with suppress(SystemExit):
            presence.run()

    presence.refresh = write  # type: ignore[method-assign]
    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive():
        presence.changed()
        thread.join(0.05)

    assert all(later - earlier >= 1 for earlier, later in pairwise(written))


def test_removed_replica_is_not_registered_again_by_a_late_refresh(valkey: Valkey, redis: Redis) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def clients() -> int:
        if threading.current_thread() is late:
            asked.set()
            assert go_on.wait(30)
        return 0

    presence = Presence("id", valkey.client(), Readiness(), Counters(), clients)
    late = threading.Thread(target=presence.refresh)
    presence.refresh()
    assert redis.zcard(REPLICAS_KEY) == 1
    late.start()
    assert asked.wait(30)
    presence.remove()
    go_on.set()
    late.join()
    # otherwise the collector would report a vanished replica
    assert not redis.exists(REPLICAS_KEY, replica_key("id"))
