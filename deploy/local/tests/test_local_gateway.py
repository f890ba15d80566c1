"""The real gateway process in front of a small real HTTP server that stands for the api."""

import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy.local.proxy import ApiProxy
from tests.drivers.ports import free_port
from tests.drivers.raw_http import exchange
from tests.drivers.serving import serving
from tests.drivers.waiting import Deadline

ROOT = Path(__file__).parents[3]


class Upstream(BaseHTTPRequestHandler):
    """Tells what it was asked, or does what the path says."""

    protocol_version = "HTTP/1.1"
    let_go = threading.Event()

    def _tell(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if self.path == "/slow":
            self.let_go.wait(60)
        if self.path == "/not-modified":
            self.send_response(304)
            self.send_header("ETag", '"7"')
            self.end_headers()
            return
        if self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"too little")
            self.close_connection = True
            return
        told = {
            "method": self.command,
            "path": self.path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "body": body.decode("latin-1"),
        }
        content = json.dumps(told).encode()
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

    do_GET = do_POST = do_PUT = do_HEAD = _tell

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    server.daemon_threads = True
    with serving(server):
        yield server
        Upstream.let_go.set()


def start_gateway(api_port: int) -> tuple[subprocess.Popen[bytes], int]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.local.gateway"],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        env={
            **os.environ,
            "PORT": str(port),
            "WS_PORT": str(free_port()),
            "API_PORT": str(api_port),
            "REDIS_URL": f"redis://127.0.0.1:{free_port()}",
        },
    )
    deadline = Deadline(30)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process, port
        except OSError:
            assert process.poll() is None, "the gateway ended"
            assert not deadline.has_passed, "the gateway does not listen"
            time.sleep(0.05)


def end(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(30)


@pytest.fixture(scope="module")
def gateway(upstream: ThreadingHTTPServer) -> Iterator[int]:
    process, port = start_gateway(upstream.server_address[1])
    yield port
    assert end(process) == 0


@pytest.fixture(scope="module")
def lonely_gateway() -> Iterator[int]:
    """A gateway whose api does not run."""
    process, port = start_gateway(free_port())
    yield port
    assert end(process) == 0


def ask(
    port: int, path: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def told(port: int, path: str, **given: Any) -> dict[str, Any]:
    status, _, body = ask(port, path, **given)
    assert status == 200, body
    answer: dict[str, Any] = json.loads(body)
    return answer


def raw(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while more := connection.recv(65536):
            received += more
        return received


@pytest.mark.parametrize(
    "path",
    ["/", "/nodes/a%2Fb", "/nodes/b%C3%BCro%20%231", "/x?", "/x?q=a%26b&r=%C3%A9&s=+", "/a//b/../c", "/%25", "/a;b=c"],
)
def test_path_and_query_reach_the_api_as_they_were_sent(gateway: int, path: str) -> None:
    assert told(gateway, path)["path"] == path.removesuffix("?")


def test_path_with_bytes_that_are_no_ascii_is_quoted_not_refused(gateway: int) -> None:
    # when
    answer = raw(gateway, b"GET /b\xc3\xbcro HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    # then
    assert b'"path": "/b%C3%BCro"' in answer


def test_body_and_method_reach_the_api(gateway: int) -> None:
    # given
    body = bytes(range(256)) * 1000
    # when
    answer = told(gateway, "/api/publish", method="PUT", body=body, headers={"Content-Type": "x/y"})
    # then
    assert answer["method"] == "PUT"
    assert answer["body"].encode("latin-1") == body
    assert ["content-type", "x/y"] in answer["headers"]


def test_status_and_every_header_but_hop_by_hop_ones_come_back(gateway: int) -> None:
    # when
    status, headers, body = ask(gateway, "/nothing")
    # then
    assert status == 404
    assert headers["Content-Type"] == "application/json"
    assert headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert headers.get_all("Content-Length") == [str(len(body))]
    assert "X-Hop" not in headers
    assert headers.get("Keep-Alive") != "timeout=5"


def test_host_is_kept_and_the_clients_address_is_ours_to_say(gateway: int) -> None:
    # given
    forged = {
        "Host": "cluster.example:99",
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "https",
        "Forwarded": "for=6.6.6.6",
        "X-Real-IP": "6.6.6.6",
        "Connection": "close, X-Secret",
        "X-Secret": "hop",
        "X-Kept": "yes",
    }
    # when
    headers = told(gateway, "/", headers=forged)["headers"]
    # then
    assert [value for name, value in headers if name == "host"] == ["cluster.example:99"]
    assert [value for name, value in headers if name == "x-forwarded-for"] == ["127.0.0.1"]
    assert ["x-kept", "yes"] in headers
    names = {name for name, _ in headers}
    assert names.isdisjoint({"x-forwarded-proto", "forwarded", "x-real-ip", "x-secret", "keep-alive"})


def test_head_has_the_length_and_no_body(gateway: int) -> None:
    # given
    with closing(http.client.HTTPConnection("127.0.0.1", gateway, timeout=30)) as connection:
        connection.request("HEAD", "/")
        response = connection.getresponse()
        response.read()
        # then
        assert int(response.headers["Content-Length"]) > 10
        # when: the connection is still in step
        connection.request("GET", "/after")
        assert b"/after" in connection.getresponse().read()


def test_not_modified_passes_and_leaves_the_connection_in_step(gateway: int) -> None:
    # given
    with closing(http.client.HTTPConnection("127.0.0.1", gateway, timeout=30)) as connection:
        connection.request("GET", "/not-modified")
        response = connection.getresponse()
        assert (response.status, response.headers["ETag"], response.read()) == (304, '"7"', b"")
        # when
        connection.request("GET", "/after")
        # then
        assert b"/after" in connection.getresponse().read()


def test_body_in_chunks_is_handed_on_whole_and_leaves_the_connection_in_step(gateway: int) -> None:
    # given
    with closing(http.client.HTTPConnection("127.0.0.1", gateway, timeout=30)) as connection:
        connection.request("POST", "/x", iter([b"in ", b"chunks"]))  # of unknown length
        received = json.loads(connection.getresponse().read())
        assert received["body"] == "in chunks"
        assert ["content-length", "9"] in received["headers"]
        assert "transfer-encoding" not in dict(received["headers"])
        # when
        connection.request("GET", "/after")
        # then
        assert b"/after" in connection.getresponse().read()


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"-1\r\n", 400), (b"5\r\nshort", 400), (b"%x\r\n" % 5_000_000 + b"a" * 5_000_000 + b"\r\n0\r\n\r\n", 413)],
    ids=["size", "early end", "too long"],
)
def test_body_in_chunks_is_refused_when_it_is_not_valid_or_too_long(gateway: int, body: bytes, status: int) -> None:
    # when
    (answer,) = exchange(gateway, b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    # then
    assert answer.status == status


def test_answer_does_not_name_the_software_of_the_api(gateway: int) -> None:
    # when
    (answer,) = exchange(gateway, b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    # then
    assert answer.status == 200
    assert "server" not in answer.headers


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
def test_proxy_answers_itself_what_it_cannot_hand_on(given: dict[str, str], status: int) -> None:
    # given
    statuses: list[str] = []
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/x", "wsgi.input": io.BytesIO(b"short"), **given}
    # when
    body = b"".join(ApiProxy("127.0.0.1", free_port())(environ, lambda status, _headers: statuses.append(status)))
    # then
    assert statuses == [f"{status} {HTTPStatus(status).phrase}"]
    assert json.loads(body)["status"] == status


def test_body_above_the_limit_is_refused_unread(gateway: int) -> None:
    # when
    answer = raw(gateway, b"POST /api/x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
    # then
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in answer


def test_target_that_is_no_path_is_refused(gateway: int) -> None:
    assert raw(gateway, b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_slow_answer_holds_up_neither_other_requests_nor_the_push(gateway: int) -> None:
    # given
    slow = [http.client.HTTPConnection("127.0.0.1", gateway, timeout=60) for _ in range(5)]
    for connection in slow:
        connection.request("GET", "/slow")
    # when
    assert told(gateway, "/quick")["path"] == "/quick"
    status, _, body = ask(gateway, "/socket.io/?EIO=4&transport=polling")
    # then
    assert (status, body[:2]) == (200, b"0{")
    Upstream.let_go.set()
    for connection in slow:
        assert connection.getresponse().status == 200
        connection.close()


def test_answer_that_ends_early_is_a_502(gateway: int) -> None:
    assert ask(gateway, "/cut")[0] == 502


def test_push_stays_within_its_path(gateway: int) -> None:
    assert told(gateway, "/socket.io")["path"] == "/socket.io"
    assert told(gateway, "/nodes?x=/socket.io/")["path"] == "/nodes?x=/socket.io/"


def test_api_away_is_a_problem_to_programs(lonely_gateway: int) -> None:
    # when
    status, headers, body = ask(lonely_gateway, "/api/cluster/nodes", headers={"Accept": "text/html"})
    # then
    assert status == 502
    assert headers["Content-Type"] == "application/problem+json"
    assert int(headers["Retry-After"]) > 0
    assert json.loads(body)["status"] == 502


def test_api_away_is_a_page_that_tries_again_to_people(lonely_gateway: int) -> None:
    # when
    status, headers, body = ask(lonely_gateway, "/nodes", headers={"Accept": "text/html,*/*"})
    # then
    assert status == 502
    assert headers["Content-Type"].startswith("text/html")
    assert b'http-equiv="refresh"' in body


def test_api_away_leaves_the_push_alone(lonely_gateway: int) -> None:
    assert ask(lonely_gateway, "/socket.io/?EIO=4&transport=polling")[0] == 200


def test_bad_setting_is_a_sentence() -> None:
    # when
    done = subprocess.run(
        [sys.executable, "-m", "deploy.local.gateway"],
        cwd=ROOT,
        env={**os.environ, "API_PORT": "none"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    # then
    assert done.returncode == 2
    assert done.stderr == "gateway: API_PORT='none' is not valid: it takes a whole number from 1 to 65535\n"
