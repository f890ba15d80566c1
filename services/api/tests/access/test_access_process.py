"""``python -m api`` with closed access as a process: behaviour of a real server."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from api.buffered_socket import CONTINUE, HEADER_BYTES, REQUEST_BYTES, missing_bytes
from api.tests.conftest import read_all
from tests.drivers.raw_http import ask, request
from tests.drivers.waiting import Deadline

KEY = "a key of thirty-two bytes at least"
BODY = b"user=ada&password=correct+horse&csrf=x"
HEAD = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
FORM = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"


@pytest.fixture
def start_closed(start_api: Callable[..., Any], deployment: Any, tmp_path: Path) -> Callable[..., Any]:
    """Start the process. ``ada`` may sign in."""
    deployment.add_user()
    (tmp_path / "key").write_text(KEY)

    def start(**variables: str) -> Any:
        process = start_api(
            ACCESS="closed",
            ACCESS_KEY_FILE=str(tmp_path / "key"),
            ACCESS_USERS_DIR=str(deployment.users),
            ACCESS_TOKENS_DIR=str(deployment.tokens),
            **variables,
        )
        return process.ready()

    return start


SLOW = {
    "nothing": b"",
    "half a head": HEAD,
    "a body that does not come": b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n",
    "a request, and then does not close": b"GET /livez HTTP/1.0\r\n\r\n",
    "a form that does not come": FORM + b"Content-Length: 200\r\n\r\nuser=",
    "a form whose length begins with zeros": FORM + b"Content-Length: 0000000000000000200\r\n\r\nuser=",
    "a long head that does not end": HEAD + b"X: " + b"x" * (HEADER_BYTES - 100),
    "a form after another request": b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    + FORM
    + b"Content-Length: 200\r\n\r\nuser=",
    "half a head after a request": HEAD + b"\r\nGET /livez HT",
    "lines that end in another way": b"GET /livez HTTP/1.1\nHost: x\n\n",
    "a form in chunks": FORM + b"Transfer-Encoding: chunked\r\n\r\n5\r\nuser=\r\n",
    "a form that waits for a word": FORM + b"Expect: 100-continue\r\nContent-Length: 200\r\n\r\n",
    "a form that is too large": FORM + b"Content-Length: 100000\r\n\r\nuser=",
    "a stranger's message": b"POST /api/publish/cluster:alerts HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n{",
}


def test_slow_clients_do_not_delay_others_when_they_outnumber_the_threads(start_closed: Callable[..., Any]) -> None:
    process = start_closed(API_THREADS="2")
    slow = []
    for kind, sent in SLOW.items():
        # given
        slow += [process.connect(sent) for _ in range(20)]
        # when
        deadline = Deadline(10)
        for _ in range(3):
            assert process.get("/livez").status_code == 200
            assert process.get("/login").status_code == 200
        # then: no request waits for a blocked thread, which would take 20 s
        assert not deadline.has_passed, kind
    assert process.stop() == 0
    assert "Traceback" not in process.log
    for client in slow:
        client.close()


def test_form_is_read_when_it_arrives_byte_by_byte(start_closed: Callable[..., Any]) -> None:
    process = start_closed(API_THREADS="1")
    with process.connect(FORM + b"Content-Length: %d\r\n\r\n" % len(BODY)) as client:
        for letter in BODY:
            client.sendall(bytes([letter]))
            time.sleep(0.002)
        # The form token is missing, but the form was read.
        assert b"HTTP/1.1 403" in read_all(client)


def test_request_is_refused_when_its_header_is_too_long(start_closed: Callable[..., Any], deployment: Any) -> None:
    process = start_closed()
    with process.connect(b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"x" * HEADER_BYTES) as client:
        assert read_all(client).startswith(b"HTTP/1.1 431")
    text = requests.get(process.url + "/metrics", headers=deployment.add_token("read"), timeout=30).text
    assert "api_malformed_requests_total 1.0" in text


@pytest.mark.parametrize(
    ("path", "status"), [("/api/publish/cluster:alerts", 401), ("/login", 413), ("/nope", 401)], ids=str
)
def test_early_response_reaches_a_client_that_still_sends(
    start_closed: Callable[..., Any], path: str, status: int
) -> None:
    process = start_closed()
    form = "Content-Type: application/x-www-form-urlencoded"
    # When the client reads only after it has sent everything
    answer = ask(process.port, request("POST", path, form, body=b"x" * 6_000_000))
    assert answer.status == status


def test_continue_is_sent_only_when_the_request_is_allowed(
    start_closed: Callable[..., Any], deployment: Any, listener: Any
) -> None:
    process = start_closed(API_LIMIT_PUBLISHED_BYTES_PER_SECOND="1000")
    token = f"Authorization: {deployment.add_token('publish')['Authorization']}"
    expect, message = "Expect: 100-continue", b'{"a":"' + b"x" * 1_000_000 + b'"}'

    def head(*headers: str, path: str = "/api/publish/cluster:alerts") -> bytes:
        return request("POST", path, expect, f"Content-Length: {len(message)}", *headers)

    # When the request may not publish
    for sent, status in ((head(), b"401"), (head(token, path="/api/publish/nope"), b"404")):
        with process.connect(sent) as client:
            assert read_all(client).startswith(b"HTTP/1.1 " + status)
    # When the token may publish
    with process.connect(head(token)) as client:
        assert client.recv(65536) == CONTINUE
        client.sendall(message)
        assert read_all(client).startswith(b"HTTP/1.1 202 ")
    # When the token has reached its limit
    for _ in range(5):
        with process.connect(head(token)) as client:
            if (first := client.recv(65536)) != CONTINUE:
                break
            client.sendall(message)
            read_all(client)
    assert first.startswith(b"HTTP/1.1 429 ")
    assert {len(heard) for _, heard, _ in listener.received()} == {len(message)}


def test_person_signs_in_and_a_program_publishes(
    start_closed: Callable[..., Any], deployment: Any, listener: Any
) -> None:
    process = start_closed()
    with requests.Session() as browser:
        page = browser.get(process.url + "/live", headers={"Accept": "text/html"}, timeout=30)
        assert page.url == process.url + "/login?next=%2Flive"
        token = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        fields = {"user": "ada", "password": "correct horse", "csrf": token, "next": "/live"}
        page = browser.post(process.url + "/login", data=fields, timeout=30)
        assert (page.url, page.status_code) == (process.url + "/live", 200)
    largest = b'{"a":"' + b"x" * (3 * 1024 * 1024 - 8) + b'"}'
    for data in (largest, iter([largest[:1000], largest[1000:]])):
        answered = requests.post(
            process.url + "/api/publish/cluster:alerts", data=data, headers=deployment.add_token("publish"), timeout=30
        )
        assert (answered.status_code, answered.json()["receivers"]) == (202, 1)
    assert [len(message) for _, message, _ in listener.received()] == [len(largest)] * 2


def test_forwarded_headers_of_unknown_peers_are_ignored(start_closed: Callable[..., Any]) -> None:
    process = start_closed()
    for scheme in ("X-Forwarded-Proto", "X-Forwarded-Protocol", "X-Forwarded-Ssl"):
        headers = {"Host": "192.0.2.9", scheme: "https", "X-Forwarded-Host": "evil.example", "Accept": "text/html"}
        answered = requests.get(process.url + "/login", headers=headers, timeout=30)
        assert "not encrypted" in answered.text
        assert "Secure" not in answered.headers["Set-Cookie"]
    for name, value in (
        ("SCRIPT_NAME", "/nope"),
        ("PATH_INFO", "/livez"),
        ("Remote_User", "ada"),
        ("Script-Name", "/n"),
    ):
        answered = requests.get(process.url + "/api/health", headers={name: value}, timeout=30)
        assert answered.status_code in (400, 401)


@pytest.mark.parametrize(
    ("request_", "missing"),
    [
        (b"", None), (b"GET / HTTP/1.1\r\n", None), (b"GET / HTTP/1.1\n\n", None), (b"GET / HTTP/1.1\r\n\r\n", 0),
        (b"POST / HTTP/1.1\r\ncontent-length:5\r\n\r\nab", 3),
        (b"POST / HTTP/1.1\r\nA: b\r\nCONTENT-LENGTH: \t5 \r\n\r\nabcde", 0),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcdefgh", 0),
        (b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 0), (b"POST / HTTP/1.1\r\nX-Content-Length: 5\r\n\r\n", 0),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % REQUEST_BYTES, 0),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 0),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"0" * 5000 + b"7\r\n\r\n", 7),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nexpect: 100-continue\r\n\r\n", 0),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 0),
    ],
)  # fmt: skip
def test_missing_bytes_are_the_rest_of_a_small_request(request_: bytes, missing: int | None) -> None:
    assert missing_bytes(request_) == missing
