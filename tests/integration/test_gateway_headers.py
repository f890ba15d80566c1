"""Whom the gateway believes about where a request comes from, what one address may take, and its host names.

A server in the api's place tells what was handed on.
"""

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network

import pytest
import requests
from testcontainers.core.container import DockerContainer

from contract import VERSION
from tests.drivers.docker_engine import LABELS, engine
from tests.drivers.serving import serving
from tests.drivers.waiting import eventually

IMAGE = f"dispycluster/gateway:{VERSION}"
FORGED = {
    "Forwarded": "for=192.0.2.77",
    "X-Forwarded-For": "192.0.2.77",
    "X-Forwarded-Host": "elsewhere.example",
    "X-Forwarded-Prefix": "/x",
    "X-Forwarded-Proto": "https",
    "X-Real-IP": "192.0.2.77",
    "Remote-User": "root",
    "X-SSO-User": "root",
    # Names that some servers take for the others
    "X_Forwarded_Proto": "https",
    "Remote_User": "root",
}


class Echo(BaseHTTPRequestHandler):
    """Answers with the headers that it was asked with; to ``/stuck`` not before ``is_over``."""

    is_over = threading.Event()

    def do_GET(self) -> None:
        if self.path == "/stuck":
            self.is_over.wait(600)
        body = json.dumps([[name.lower(), value] for name, value in self.headers.items()]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # whoever checks its health does not read it
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """It stands for forty servers, each of which is checked every second; a full queue would be a failed check."""

    request_queue_size = 256


@pytest.fixture(scope="module")
def this_machine() -> str:
    """As containers see it."""
    [config, *_] = engine().networks.get("bridge").attrs["IPAM"]["Config"]
    # An engine that was started for the first time does not say it: it is the first address.
    return config.get("Gateway") or str(next(ip_network(config["Subnet"]).hosts()))


@pytest.fixture(scope="module")
def echo(this_machine: str) -> Iterator[str]:
    """Where the echo listens."""
    with serving(Server((this_machine, 0), Echo)) as server:
        yield f"{this_machine}:{server.server_address[1]}"
        Echo.is_over.set()


@contextmanager
def gateway(echo: str, **variables: str) -> Iterator[str]:
    """The gateway's image before the echo; gives its address."""
    container = DockerContainer(IMAGE).with_kwargs(labels=LABELS, read_only=True)
    for name, value in {"API_ADDRESS": echo, "WS_ADDRESS": echo, **variables}.items():
        container.with_env(name, value)
    with container:
        wrapped = container.get_wrapped_container()
        wrapped.reload()
        address: str = wrapped.attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
        url = f"http://{address}:8085/"
        eventually(lambda: requests.get(url, timeout=5).status_code == 200, what="the gateway")
        yield address


def handed_on(address: str, path: str) -> list[tuple[str, str]]:
    """The headers of a forged request, as the server behind the gateway gets them, but for the usual ones."""
    with closing(http.client.HTTPConnection(address, 8085, timeout=30)) as connection:
        connection.request("GET", path, headers=FORGED)
        found = json.loads(connection.getresponse().read())
    kept = [(name, value) for name, value in found if name not in ("host", "accept-encoding", "connection")]
    return sorted(kept, key=lambda header: header[0])


@pytest.mark.parametrize("path", ["/api/health", "/socket.io/?EIO=4&transport=polling"])
def test_nothing_that_only_a_proxy_could_say_is_handed_on_from_anybody(echo: str, this_machine: str, path: str) -> None:
    with gateway(echo, ACCESS_USER_HEADER="X-SSO-User", TRUSTED_PROXIES="192.0.2.1, fd00::/8") as address:
        assert handed_on(address, path) == [("x-forwarded-for", this_machine)]


@pytest.mark.parametrize("path", ["/api/health", "/socket.io/?EIO=4&transport=polling"])
def test_trusted_proxy_is_handed_on_about_chain_scheme_and_user(echo: str, this_machine: str, path: str) -> None:
    with gateway(echo, ACCESS_USER_HEADER="X-SSO-User", TRUSTED_PROXIES=f"192.0.2.1,{this_machine}") as address:
        assert handed_on(address, path) == [
            ("remote-user", "root"),
            ("x-forwarded-for", "192.0.2.77"),
            ("x-forwarded-for", this_machine),
            ("x-forwarded-prefix", "/x"),
            ("x-forwarded-proto", "https"),
            ("x-sso-user", "root"),
        ]


def test_gateway_on_which_nothing_is_set_believes_nobody(echo: str, this_machine: str) -> None:
    with gateway(echo) as address:
        # A header that means nothing here is anybody's
        assert handed_on(address, "/") == [("x-forwarded-for", this_machine), ("x-sso-user", "root")]


def status(address: str, stack: ExitStack, path: str = "/", **headers: str) -> int | None:
    """Of an answer over a connection that is kept; ``None`` where the gateway closes it at once."""
    connection = stack.enter_context(closing(http.client.HTTPConnection(address, 8085, timeout=30)))
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
    except (ConnectionError, http.client.HTTPException):
        return None
    answer.read()
    return answer.status


def test_address_gets_a_part_of_the_connections_until_one_of_them_ends(echo: str) -> None:
    with gateway(echo, GATEWAY_LIMIT_CONNECTIONS="3") as address, ExitStack() as others:
        with ExitStack() as one:
            # given
            eventually(lambda: status(address, one) == 200, what="the first of them")
            assert [status(address, others) for _ in range(2)] == [200, 200]
            # when
            assert status(address, others) is None
        # then
        eventually(lambda: status(address, others) == 200, what="a connection in its place")


def test_proxy_that_is_trusted_has_any_number_and_each_whom_it_names_a_part(echo: str, this_machine: str) -> None:
    settings = {"GATEWAY_LIMIT_CONNECTIONS": "3", "TRUSTED_PROXIES": f"192.0.2.1,{this_machine}"}
    with gateway(echo, **settings) as address, ExitStack() as stack:
        # given requests that are not answered, through one proxy and through two
        for chain in ("192.0.2.77", "192.0.2.77", "192.0.2.77, 192.0.2.1"):
            connection = stack.enter_context(closing(http.client.HTTPConnection(address, 8085, timeout=30)))
            connection.request("GET", "/stuck", headers={"X-Forwarded-For": chain})
        # then
        eventually(lambda: status(address, stack, X_Forwarded_For="192.0.2.77") == 429, what="the limit")
        assert status(address, stack, X_Forwarded_For="192.0.2.77, 192.0.2.1") == 429
        assert [status(address, stack, X_Forwarded_For="192.0.2.78") for _ in range(5)] == [200] * 5


def test_gateway_answers_to_its_own_host_names_alone_when_nobody_has_chosen_who_gets_in(echo: str) -> None:
    own = (
        "localhost:9000",
        "cluster.example",
        "CLUSTER.example.:443",
        "wall.lan",
        "gateway:8085",
        "[::1]",
        "192.0.2.7",
    )
    others = (
        "evil.example",
        "localhost,evil.example",
        "cluster.example.evil",
        "localhost.evil:8085",
        "a@localhost",
        "127.0.0.1.evil",
        "::1",
        "",
    )
    names = {"PUBLIC_URL": "https://cluster.example/", "WS_ALLOWED_ORIGINS": "https://wall.lan:8443,*"}

    def status_of(address: str, port: int, path: str, host: str) -> int:
        url = f"http://{address}:{port}{path}"
        return requests.get(url, headers={"Host": host}, timeout=30).status_code

    pages = ((8085, "/api/health"), (8085, "/socket.io/?EIO=4&transport=polling"), (8404, "/metrics"))
    with gateway(echo, PUBLIC_HOST="127.0.0.1", **names) as address:
        for port, path in pages:
            assert {host: status_of(address, port, path, host) for host in own} == dict.fromkeys(own, 200), path
            assert {status_of(address, port, path, host) for host in others} <= {400, 421}, path
            assert status_of(address, port, path, "evil.example") == 421
    for variables in ({"PUBLIC_HOST": "127.0.0.1", "ACCESS": "open"}, {"PUBLIC_HOST": "0.0.0.0"}, {}):
        with gateway(echo, **variables) as address:
            assert {status_of(address, port, path, "evil.example") for port, path in pages} == {200}
