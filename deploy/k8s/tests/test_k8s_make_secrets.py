"""The Job that makes the Secrets, before an API server that is a small one of the test's own."""

import json
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy.k8s.base import make_secrets
from tests.drivers.certificate import make_certificate
from tests.drivers.serving import serving

NAME = "redis-passwords"
#: Those that people fill.
EMPTY = ("access-users", "access-tokens")
SECRETS = "/api/v1/namespaces/dispycluster/secrets"


@dataclass
class ApiServer:
    """Answers with what it is told to, and remembers what it was asked."""

    #: Status of every answer to GET and to POST; the last one goes on.
    get: list[int]
    post: list[int]
    port: int = 0
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    made: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, method: str, path: str, token: str | None, body: bytes) -> int:
        self.asked.append((method, path, token))
        if body:
            self.made.append(json.loads(body))
        statuses = self.get if method == "GET" else self.post
        return statuses.pop(0) if len(statuses) > 1 else statuses[0]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a pod with a token finds of its ServiceAccount, and the server's certificate."""
    folder = tmp_path_factory.mktemp("account")
    make_certificate(folder, "IP:127.0.0.1")
    (folder / "namespace").write_text("dispycluster")
    (folder / "token").write_text("a-token\n")
    return folder


@pytest.fixture
def server(account: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """Knows no Secret, and makes one; ``main`` finds it as in a pod, and waits for nothing."""
    api_server = ApiServer(get=[404], post=[201])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(api_server.answer(self.command, self.path, self.headers["Authorization"], body))
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(account / "server.crt", account / "server.key")
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    with serving(listener):
        api_server.port = listener.server_address[1]
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(api_server.port))
        monkeypatch.setattr(make_secrets, "ACCOUNT", account)
        monkeypatch.setattr(make_secrets, "RETRY_SECONDS", 0.0)
        yield api_server


def test_secret_is_created_when_it_is_missing(server: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_secrets.main(NAME) == 0
    assert server.asked == [
        ("GET", f"{SECRETS}/{NAME}", "Bearer a-token"),
        ("POST", SECRETS, "Bearer a-token"),
    ]
    made = server.made[0]
    assert (made["kind"], made["metadata"]["name"]) == ("Secret", NAME)
    assert made["metadata"]["labels"] == {"app.kubernetes.io/part-of": "dispycluster"}
    assert set(made["stringData"]) == set(make_secrets.KEYS[NAME])
    assert capsys.readouterr().out == f"Secret {NAME} created\n"


@pytest.mark.parametrize(("name", "keys"), [(NAME, make_secrets.KEYS[NAME]), ("access-key", ("key",))])
def test_secrets_are_256_bits_each_and_differ(server: ApiServer, name: str, keys: tuple[str, ...]) -> None:
    assert make_secrets.main(name) == make_secrets.main(name) == 0
    assert all(set(made["stringData"]) == set(keys) for made in server.made)
    values = [value for made in server.made for value in made["stringData"].values()]
    assert len(set(values)) == 2 * len(keys)
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in values)


def test_secrets_that_people_fill_are_made_empty(server: ApiServer) -> None:
    assert make_secrets.main(*EMPTY) == 0
    assert [made["metadata"]["name"] for made in server.made] == [*EMPTY]
    assert [made["stringData"] for made in server.made] == [{}, {}]


def test_missing_secrets_are_created_beside_existing_ones(
    server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given an installation of before
    server.get = [200, 404]
    assert make_secrets.main(NAME, "access-key", *EMPTY) == 0
    assert [made["metadata"]["name"] for made in server.made] == ["access-key", *EMPTY]
    assert capsys.readouterr().out.splitlines() == [
        f"Secret {NAME} exists",
        *(f"Secret {name} created" for name in ("access-key", *EMPTY)),
    ]


def test_created_secrets_stay_when_another_one_is_refused_at_first(
    server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.post = [201, 500, 201]
    assert make_secrets.main("access-key", *EMPTY) == 0
    assert [made["metadata"]["name"] for made in server.made] == ["access-key", EMPTY[0], *EMPTY]
    assert capsys.readouterr().out.count("created") == 3


@pytest.mark.parametrize(("get", "post", "made"), [(200, 201, 0), (404, 409, 1)], ids=["before", "meanwhile"])
def test_secret_that_is_there_or_that_another_one_makes_meanwhile_is_kept(
    server: ApiServer, capsys: pytest.CaptureFixture[str], get: int, post: int, made: int
) -> None:
    server.get, server.post = [get], [post]
    assert make_secrets.main(NAME) == 0
    assert len(server.made) == made
    assert capsys.readouterr().out == f"Secret {NAME} exists\n"


@pytest.mark.parametrize(("get", "post"), [(403, 201), (404, 403), (500, 201)])
def test_refusal_ends_with_its_status(
    server: ApiServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, get: int, post: int
) -> None:
    server.get, server.post = [get], [post]
    monkeypatch.setattr(make_secrets, "ATTEMPTS", 3)
    assert make_secrets.main(NAME) == 1
    status = post if get == 404 else get
    assert f"the API server answers {status}" in capsys.readouterr().err


def test_refusal_is_not_the_end_when_rights_come_later(server: ApiServer) -> None:
    server.get = [403, 404]
    assert make_secrets.main(NAME) == 0
    assert len(server.made) == 1


def test_server_that_is_not_there_yet_is_asked_again(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    call, failures = make_secrets.call, [ConnectionRefusedError(), TimeoutError()]

    def late(*arguments: Any) -> int:
        if failures:
            raise failures.pop()
        return call(*arguments)

    monkeypatch.setattr(make_secrets, "call", late)
    # then
    assert make_secrets.main(NAME) == 0
    assert len(server.made) == 1


def test_server_with_a_certificate_of_somebody_else_gets_no_token(
    server: ApiServer, account: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    make_certificate(tmp_path, "IP:127.0.0.1")
    for name in ("namespace", "token"):
        (tmp_path / name).write_bytes((account / name).read_bytes())
    monkeypatch.setattr(make_secrets, "ACCOUNT", tmp_path)
    monkeypatch.setattr(make_secrets, "ATTEMPTS", 1)
    # then
    assert make_secrets.main(NAME) == 1
    assert server.asked == []


@pytest.mark.parametrize("post", [201, 409, 403])
def test_passwords_are_never_printed(
    server: ApiServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, post: int
) -> None:
    server.post = [post]
    monkeypatch.setattr(make_secrets, "ATTEMPTS", 1)
    make_secrets.main(NAME)
    said = "".join(capsys.readouterr())
    assert said
    assert [password for password in server.made[0]["stringData"].values() if password in said] == []
