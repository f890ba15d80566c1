"""The real gateway process in front of a small HTTP server in place of the api."""

import http.client
import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import psutil
import pytest
import websocket

from deploy.local.proxy import REQUEST_SLOTS, ApiProxy
from tests.drivers.attacks import attack_rounds
from tests.drivers.ports import free_port
from tests.drivers.process import Process, python, run_module
from tests.drivers.raw_client import RawClient
from tests.drivers.raw_http import exchange, parsed, request
from tests.drivers.serving import serving
from tests.drivers.waiting import eventually

#: Bytes of a response that does not fit into the buffers of a connection.
LARGE_BYTES = 8 << 20


class Upstream(BaseHTTPRequestHandler):
    """Responds with a description of the request, or acts as the path names."""

    protocol_version = "HTTP/1.1"
    let_go = threading.Event()
    is_over = threading.Event()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def handle_expect_100(self) -> bool:
        """Send 100 Continue, except for a path that rejects the body."""
        return self.path == "/api/publish/refused" or super().handle_expect_100()

    def _respond(self) -> None:
        if self.path == "/api/publish/refused":
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_WR)
            while self.rfile.read(1):
                pass
            return
        body = self._body()
        if self.path == "/slow":
            self.let_go.wait(60)
        if self.path == "/stuck":
            self.is_over.wait(600)
        if self.path == "/not-modified":
            self.send_response(304)
            self.send_header("ETag", '"7"')
            self.end_headers()
            return
        if self.path == "/large":
            self.send_response(200)
            self.send_header("Content-Length", str(LARGE_BYTES))
            self.end_headers()
            self.wfile.write(bytes(LARGE_BYTES))
            return
        if self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"too little")
            self.close_connection = True
            return
        description = {
            "method": self.command,
            "path": self.path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "body": body.decode("latin-1"),
        }
        content = json.dumps(description).encode()
        self.send_response(404 if self.path.startswith("/nothing") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "X-Hop, keep-alive")
        self.send_header("X-Hop", "1")
        self.send_header("Keep-Alive", "timeout=5")
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_HEAD = _respond

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    server.daemon_threads = True
    with serving(server):
        yield server
        Upstream.let_go.set()
        Upstream.is_over.set()


def start_gateway(api_port: int, **variables: str) -> tuple[Process, int]:
    port = free_port()
    env = {
        "PORT": str(port),
        "WS_PORT": str(free_port()),
        "API_PORT": str(api_port),
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}",
        **variables,
    }
    process = python("gateway", "deploy.local.gateway", env=env)
    process.start()

    def listens() -> bool:
        assert process.running, process.log()
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    eventually(listens, within_seconds=30, what="the gateway listens")
    return process, port


@pytest.fixture(scope="module")
def gateway(upstream: ThreadingHTTPServer) -> Iterator[int]:
    process, port = start_gateway(upstream.server_address[1])
    yield port
    assert process.stop() == 0


class OwnGateway(NamedTuple):
    """A gateway with its own settings; ``stack`` closes resources of the test."""

    process: Process
    port: int
    stack: ExitStack


@pytest.fixture
def gateway_with(upstream: ThreadingHTTPServer) -> Iterator[Callable[..., OwnGateway]]:
    """Return a function that starts a gateway with given settings."""
    with ExitStack() as gateways, ExitStack() as stack:

        def start(**variables: str) -> OwnGateway:
            process, port = start_gateway(upstream.server_address[1], **variables)
            gateways.callback(process.stop)
            return OwnGateway(process, port, stack)

        yield start


@pytest.fixture(scope="module")
def gateway_without_api() -> Iterator[int]:
    """A gateway without a running api."""
    process, port = start_gateway(free_port())
    yield port
    assert process.stop() == 0


def ask(
    port: int, path: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()


@contextmanager
def usable_connection(port: int) -> Iterator[http.client.HTTPConnection]:
    """Yield a connection; afterwards check that the next request on it gets its own response."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        yield connection
        connection.request("GET", "/after")
        assert b"/after" in connection.getresponse().read()


def described_request(port: int, path: str, **given: Any) -> dict[str, Any]:
    status, _, body = ask(port, path, **given)
    assert status == 200, body
    answer: dict[str, Any] = json.loads(body)
    return answer


@pytest.mark.parametrize(
    "path",
    ["/", "/nodes/a%2Fb", "/nodes/b%C3%BCro%20%231", "/x?", "/x?q=a%26b&r=%C3%A9&s=+", "/a//b/../c", "/%25", "/a;b=c"],
)
def test_path_and_query_reach_the_api_unchanged(gateway: int, path: str) -> None:
    assert described_request(gateway, path)["path"] == path.removesuffix("?")


@pytest.mark.parametrize(
    "target",
    ["/metrics", "/readyz", "/metrics?x", "/%6detrics", "/re%61dyz?x", "http://localhost/%6Detrics", "/metrics#x"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_internal_paths_are_not_found_in_any_spelling(gateway: int, target: str, method: str) -> None:
    # when
    (answer,) = exchange(gateway, request(method, target))
    # then
    assert answer.status == (400 if "#" in target else 404)
    # And similar paths are forwarded.
    assert described_request(gateway, "/livez")["path"] == "/livez"
    assert described_request(gateway, "/nodes/metrics?x=/metrics")["path"] == "/nodes/metrics?x=/metrics"


def test_path_with_other_bytes_than_ascii_is_quoted(gateway: int) -> None:
    # when
    (answer,) = exchange(gateway, request("GET", b"/b\xc3\xbcro"))
    # then
    assert b'"path": "/b%C3%BCro"' in answer.body


def test_body_and_method_reach_the_api(gateway: int) -> None:
    # given
    body = bytes(range(256)) * 1000
    # when
    answer = described_request(gateway, "/api/publish/x", method="PUT", body=body, headers={"Content-Type": "x/y"})
    # then
    assert answer["method"] == "PUT"
    assert answer["body"].encode("latin-1") == body
    assert ["content-type", "x/y"] in answer["headers"]


def test_response_has_the_status_and_all_headers_except_hop_by_hop_ones(gateway: int) -> None:
    # when
    status, headers, body = ask(gateway, "/nothing")
    # then
    assert status == 404
    assert headers["Content-Type"] == "application/json"
    assert headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert headers.get_all("Content-Length") == [str(len(body))]
    assert "X-Hop" not in headers
    assert headers.get("Keep-Alive") != "timeout=5"


def test_request_keeps_its_host_and_gets_the_clients_address(gateway: int) -> None:
    # given
    forged = {
        "Host": "localhost:99",
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "https",
        "Forwarded": "for=6.6.6.6",
        "X-Real-IP": "6.6.6.6",
        "Connection": "close, X-Secret",
        "X-Secret": "hop",
        "X-Kept": "yes",
    }
    # when
    headers = described_request(gateway, "/", headers=forged)["headers"]
    # then
    assert [value for name, value in headers if name == "host"] == ["localhost:99"]
    assert [value for name, value in headers if name == "x-forwarded-for"] == ["127.0.0.1"]
    assert ["x-kept", "yes"] in headers
    names = {name for name, _ in headers}
    assert names.isdisjoint({"x-forwarded-proto", "forwarded", "x-real-ip", "x-secret", "keep-alive"})


def test_head_has_the_length_and_no_body(gateway: int) -> None:
    with usable_connection(gateway) as connection:
        connection.request("HEAD", "/")
        response = connection.getresponse()
        response.read()
        assert int(response.headers["Content-Length"]) > 10


def test_not_modified_is_returned_and_the_connection_stays_usable(gateway: int) -> None:
    with usable_connection(gateway) as connection:
        connection.request("GET", "/not-modified")
        response = connection.getresponse()
        assert (response.status, response.headers["ETag"], response.read()) == (304, '"7"', b"")


def test_chunked_body_is_forwarded_and_the_connection_stays_usable(gateway: int) -> None:
    with usable_connection(gateway) as connection:
        connection.request("POST", "/x", iter([b"in ", b"chunks"]))  # of unknown length
        received = json.loads(connection.getresponse().read())
        assert received["body"] == "in chunks"
        assert ["content-length", "9"] in received["headers"]
        assert "transfer-encoding" not in dict(received["headers"])


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"-1\r\n", 400), (b"5\r\nshort", 400), (b"%x\r\n" % 5_000_000 + b"a" * 5_000_000 + b"\r\n0\r\n\r\n", 413)],
    ids=["size", "early end", "too long"],
)
def test_chunked_body_is_refused_when_it_is_not_valid_or_too_long(gateway: int, body: bytes, status: int) -> None:
    # when
    (answer,) = exchange(gateway, b"POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    # then
    assert answer.status == status


def test_long_message_is_forwarded_while_it_arrives_and_the_connection_stays_usable(gateway: int) -> None:
    for body in (b"x" * 1_000_000, iter([b"y" * 500_000, b"z" * 500_000])):
        with usable_connection(gateway) as connection:
            connection.request("POST", "/api/publish/x", body)
            assert len(json.loads(connection.getresponse().read())["body"]) == 1_000_000


def test_long_message_gets_an_early_response_when_the_api_sends_one(gateway: int) -> None:
    head = b"POST /api/publish/refused HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3000000\r\n\r\n"
    # given: the body is not sent yet
    with socket.create_connection(("127.0.0.1", gateway), timeout=30) as connection:
        connection.sendall(head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")
    # and the whole body is sent before the response is read
    (answer,) = exchange(gateway, head + b"x" * 3_000_000)
    assert answer.status == 401


def test_client_gets_100_continue_only_when_the_api_sends_it(gateway: int) -> None:
    for path in ("/login", "/api/publish/x", "/api/publish/refused"):
        for length in ("Content-Length: 5", "Transfer-Encoding: chunked"):
            with socket.create_connection(("127.0.0.1", gateway), timeout=30) as connection:
                # when
                connection.sendall(request("POST", path, "Expect: 100-continue", length, close=False))
                received = connection.recv(65536)
                # then
                if path == "/api/publish/refused":
                    while more := connection.recv(65536):
                        received += more
                    (answer,) = parsed(received)
                    assert received.startswith(b"HTTP/1.1 401 "), received
                    assert answer.headers["connection"] == "close"
                    continue
                assert received == b"HTTP/1.1 100 Continue\r\n\r\n"
                connection.sendall(b"5\r\nabcde\r\n0\r\n\r\n" if "chunked" in length else b"abcde")
                answered = http.client.HTTPResponse(connection)
                answered.begin()
                assert json.loads(answered.read())["body"] == "abcde"
                # And the connection is still usable
                connection.sendall(request("GET", "/after"))
                assert b"/after" in connection.recv(65536)


@pytest.mark.parametrize("path", ["/login", "/x", "/api/health"])
def test_body_limit_is_small_on_routes_that_publish_no_message(gateway: int, path: str) -> None:
    assert described_request(gateway, path, method="POST", body=b"a" * 8192)["body"] == "a" * 8192
    (answer,) = exchange(gateway, request("POST", path, body=b"a" * 4_000_000))
    assert answer.status == 413


def test_endless_bodies_do_not_fill_the_memory(gateway: int) -> None:
    # given
    (process,) = [each for each in psutil.Process().children() if each.environ().get("PORT") == str(gateway)]
    before = process.memory_info().rss
    paths = ("/login", "/api/publish/refused", "/api/publish/slow")
    for path in (path for _ in attack_rounds() for path in paths):
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3000000\r\n\r\n".encode()
        with ExitStack() as crowd:
            clients = [
                crowd.enter_context(socket.create_connection(("127.0.0.1", gateway), timeout=30)) for _ in range(60)
            ]
            for client in clients:
                client.sendall(head)
            # when: sends as much as the gateway accepts
            for client in clients:
                client.settimeout(0.05)
                with suppress(OSError):
                    client.sendall(bytes(2_999_999))
            # then
            assert process.memory_info().rss - before < 40_000_000, path
            assert described_request(gateway, "/quick")["path"] == "/quick"


def test_unread_responses_do_not_fill_the_memory(gateway_with: Callable[..., OwnGateway]) -> None:
    process, port, stack = gateway_with(TRUSTED_PROXIES="127.0.0.1")
    before = psutil.Process(process.pid).memory_info().rss
    connections = []
    for _ in range(60):
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
        connection.sendall(request("GET", "/large", "X-Forwarded-For: 10.9.9.9", close=False))
        connections.append(connection)
    # Later requests are refused; the earlier responses stay partly read.
    statuses = [connection.recv(12) for connection in connections]
    assert statuses.count(b"HTTP/1.1 503") >= 40
    assert psutil.Process(process.pid).memory_info().rss - before < 150 << 20
    status, _, content = ask(port, "/large")
    assert (status, len(content)) == (200, LARGE_BYTES)


def test_one_address_does_not_occupy_all_slots_of_the_api(gateway: int) -> None:
    with ExitStack() as crowd:
        # given more open requests than the api has slots
        for _ in range(REQUEST_SLOTS + 10):
            connection = crowd.enter_context(socket.create_connection(("127.0.0.1", gateway), 30, ("127.0.0.3", 0)))
            connection.sendall(request("GET", "/stuck"))
        # then
        assert described_request(gateway, "/quick")["path"] == "/quick"


def is_answered_from(stack: ExitStack, port: int, address: str) -> bool:
    """Whether the gateway answers on a new connection from a loopback address. The stack closes the connection."""
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 15, (address, 0)))
    try:
        connection.sendall(request("GET", "/x", close=False))
        return bool(connection.recv(65536))
    except OSError:
        return False


def push_client(port: int, address: str) -> RawClient | None:
    """Return a push connection, or ``None`` if the gateway refuses it."""
    with suppress(OSError, websocket.WebSocketException):
        return RawClient(port, address=address)
    return None


def test_address_is_refused_at_the_limit_until_a_connection_closes(
    gateway_with: Callable[..., OwnGateway],
) -> None:
    _, port, stack = gateway_with(GATEWAY_LIMIT_CONNECTIONS="3")
    # given
    assert [is_answered_from(stack, port, "127.0.0.2") for _ in range(2)] == [True, True]
    for _ in attack_rounds():
        with ExitStack() as third:
            pushed = eventually(partial(push_client, port, "127.0.0.2"), what="a third connection")
            # when
            assert not is_answered_from(third, port, "127.0.0.2")
            # then
            assert is_answered_from(third, port, "127.0.0.3")
            # A push connection counts until it closes, although another part of the gateway serves it.
            pushed.close()
            eventually(partial(is_answered_from, third, port, "127.0.0.2"), what="a connection in its place")
            assert not is_answered_from(third, port, "127.0.0.2")


def test_trusted_proxy_has_no_connection_limit(gateway_with: Callable[..., OwnGateway]) -> None:
    _, port, stack = gateway_with(GATEWAY_LIMIT_CONNECTIONS="1", TRUSTED_PROXIES="127.0.0.2")
    assert [is_answered_from(stack, port, "127.0.0.2") for _ in range(5)] == [True] * 5


def test_refused_connections_are_logged_once(gateway_with: Callable[..., OwnGateway]) -> None:
    process, port, stack = gateway_with(GATEWAY_LIMIT_CONNECTIONS="1")
    # when
    assert [is_answered_from(stack, port, "127.0.0.2") for _ in range(4)] == [True, False, False, False]
    # then
    lines = [line for line in process.log().splitlines() if "GATEWAY_LIMIT_CONNECTIONS" in line]
    assert len(lines) == 1
    assert "127.0.0.2" in lines[0]


def status_behind_proxy(port: int, chain: str, path: str = "/x") -> int:
    return ask(port, path, headers={"X-Forwarded-For": chain} if chain else {})[0]


def test_address_behind_a_trusted_proxy_has_a_request_limit(gateway_with: Callable[..., OwnGateway]) -> None:
    _, port, stack = gateway_with(GATEWAY_LIMIT_CONNECTIONS="3", TRUSTED_PROXIES="127.0.0.1,192.0.2.1")
    # given: half a request, a poll and a WebSocket, through one proxy and through two
    one, two = "X-Forwarded-For: 192.0.2.77", "X-Forwarded-For: 192.0.2.77, 192.0.2.1"
    half = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
    half.sendall(request("POST", "/login", one, "Content-Length: 100", close=False))
    path = "/socket.io/?EIO=4&transport=polling"
    sid = json.loads(ask(port, path)[2].split(b"\x1e")[0][1:])["sid"]
    poll = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
    poll.sendall(request("GET", f"{path}&sid={sid}", two, close=False))
    stack.callback(RawClient(port, headers=(one,)).close)
    # then
    eventually(lambda: status_behind_proxy(port, "192.0.2.77") == 429, what="the limit")
    status, headers, body = ask(port, path, headers={"X-Forwarded-For": "192.0.2.77, 192.0.2.1"})
    assert (status, json.loads(body)["code"], int(headers["Retry-After"]) > 0) == (429, "limit_exceeded", True)
    # And other addresses are not refused, nor requests without a forwarded address.
    assert [status_behind_proxy(port, chain) for chain in ["192.0.2.78"] * 4 + [""] * 4] == [200] * 8


def test_request_behind_a_trusted_proxy_counts_until_its_response(gateway_with: Callable[..., OwnGateway]) -> None:
    _, port, stack = gateway_with(GATEWAY_LIMIT_CONNECTIONS="1", TRUSTED_PROXIES="127.0.0.1")
    one = "X-Forwarded-For: 192.0.2.77"
    # given a connection that the proxy keeps open
    held = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
    held.sendall(request("POST", "/x", one, "Content-Length: 100", close=False))
    eventually(lambda: status_behind_proxy(port, "192.0.2.77") == 429, what="the limit")
    # when
    held.sendall(b"x" * 100)
    assert held.recv(12) == b"HTTP/1.1 200"
    # then
    eventually(lambda: status_behind_proxy(port, "192.0.2.77") == 200, what="its place")
    # And a WebSocket counts until it closes
    pushed = RawClient(port, headers=(one,))
    assert [status_behind_proxy(port, "192.0.2.77") for _ in range(3)] == [429] * 3
    pushed.close()
    eventually(lambda: status_behind_proxy(port, "192.0.2.77") == 200, what="its place")


def test_response_does_not_name_the_software_of_the_api(gateway: int) -> None:
    (answer,) = exchange(gateway, request("GET", "/x"))
    assert (answer.status, answer.headers.get("server")) == (200, None)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"CONTENT_LENGTH": "5000000"}, 413),
        ({"CONTENT_LENGTH": "9"}, 400),
        ({"CONTENT_LENGTH": "-5"}, 400),
        ({"CONTENT_LENGTH": "x"}, 400),
        ({"CONTENT_LENGTH": "²"}, 400),
        ({"CONTENT_LENGTH": "9" * 5000}, 413),
        ({"HTTP_X_BAD": "a\nb: c"}, 400),
        ({}, 502),
    ],
)
def test_proxy_responds_itself_when_a_request_cannot_be_forwarded(given: dict[str, str], status: int) -> None:
    # given
    statuses: list[str] = []
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/x", "wsgi.input": io.BytesIO(b"short"), **given}
    # when
    body = b"".join(ApiProxy("127.0.0.1", free_port())(environ, lambda status, _headers: statuses.append(status)))
    # then
    assert statuses == [f"{status} {HTTPStatus(status).phrase}"]
    assert json.loads(body)["status"] == status


def test_body_above_the_limit_is_refused_before_it_is_read(gateway: int) -> None:
    (answer,) = exchange(gateway, request("POST", "/api/x", "Content-Length: 99999999"))
    assert (answer.status, answer.headers["content-type"]) == (413, "application/problem+json")


def test_request_target_that_is_not_a_path_is_refused(gateway: int) -> None:
    (answer,) = exchange(gateway, request("OPTIONS", "*"))
    assert answer.status == 400


def test_slow_response_blocks_neither_other_requests_nor_the_push(gateway: int) -> None:
    # given
    slow = [http.client.HTTPConnection("127.0.0.1", gateway, timeout=60) for _ in range(5)]
    for connection in slow:
        connection.request("GET", "/slow")
    # when
    assert described_request(gateway, "/quick")["path"] == "/quick"
    status, _, body = ask(gateway, "/socket.io/?EIO=4&transport=polling")
    # then
    assert (status, body[:2]) == (200, b"0{")
    Upstream.let_go.set()
    for connection in slow:
        assert connection.getresponse().status == 200
        connection.close()


def test_incomplete_response_of_the_api_is_a_502(gateway: int) -> None:
    assert ask(gateway, "/cut")[0] == 502


def test_push_serves_only_its_own_path(gateway: int) -> None:
    assert described_request(gateway, "/socket.io")["path"] == "/socket.io"
    assert described_request(gateway, "/nodes?x=/socket.io/")["path"] == "/nodes?x=/socket.io/"


def test_program_gets_problem_json_when_the_api_does_not_answer(gateway_without_api: int) -> None:
    # when
    status, headers, body = ask(gateway_without_api, "/api/cluster/nodes", headers={"Accept": "text/html"})
    # then
    assert status == 502
    assert headers["Content-Type"] == "application/problem+json"
    assert int(headers["Retry-After"]) > 0
    assert json.loads(body)["status"] == 502


def test_browser_gets_a_page_that_reloads_when_the_api_does_not_answer(gateway_without_api: int) -> None:
    # when
    status, headers, body = ask(gateway_without_api, "/nodes", headers={"Accept": "text/html,*/*"})
    # then
    assert status == 502
    assert headers["Content-Type"].startswith("text/html")
    assert b'http-equiv="refresh"' in body


def test_push_works_when_the_api_does_not_answer(gateway_without_api: int) -> None:
    assert ask(gateway_without_api, "/socket.io/?EIO=4&transport=polling")[0] == 200


def test_invalid_setting_is_reported_in_a_sentence() -> None:
    done = run_module("deploy.local.gateway", API_PORT="none")
    assert done.returncode == 2
    error = "gateway: API_PORT='none' is not valid: it takes a whole number from 1 to 65535\n"
    assert done.stderr.endswith(error)
    assert done.stderr.count("\n") == 1
