"""The headers that the gateway trusts, the share of one address, and the gateway's host names.

A server in place of the api returns the headers that it receives.
"""

import contextlib
import http.client
import json
import select
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
    # Some servers treat these names like the others.
    "X_Forwarded_Proto": "https",
    "Remote_User": "root",
}


class Echo(BaseHTTPRequestHandler):
    """Answers with the request's headers; answers ``/stuck`` after ``is_over`` is set."""

    is_over = threading.Event()

    def do_GET(self) -> None:
        if self.path == "/stuck":
            self.is_over.wait(600)
        body = json.dumps([[name.lower(), value] for name, value in self.headers.items()]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # a health check closes without reading
            self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


class Server(ThreadingHTTPServer):
    """Stands for forty servers with a health check a second each; a full queue would fail a check."""

    request_queue_size = 256


@pytest.fixture(scope="module")
def this_machine() -> str:
    """Return this machine's address, as containers see it."""
    [config, *_] = engine().networks.get("bridge").attrs["IPAM"]["Config"]
    # A newly started engine does not report it: it is the first address.
    return config.get("Gateway") or str(next(ip_network(config["Subnet"]).hosts()))


@pytest.fixture(scope="module")
def echo(this_machine: str) -> Iterator[str]:
    """The address of the echo server."""
    with serving(Server((this_machine, 0), Echo)) as server:
        yield f"{this_machine}:{server.server_address[1]}"
        Echo.is_over.set()


@contextmanager
def gateway(echo: str, **variables: str) -> Iterator[str]:
    """Run the gateway's image before the echo server; yield its address."""
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


def forwarded_headers(address: str, path: str) -> list[tuple[str, str]]:
    """Return the headers of a forged request that the server behind the gateway gets, without the usual ones."""
    with closing(http.client.HTTPConnection(address, 8085, timeout=30)) as connection:
        connection.request("GET", path, headers=FORGED)
        found = json.loads(connection.getresponse().read())
    kept = [(name, value) for name, value in found if name not in ("host", "accept-encoding", "connection")]
    return sorted(kept, key=lambda header: header[0])


@pytest.mark.parametrize("path", ["/api/health", "/socket.io/?EIO=4&transport=polling"])
def test_proxy_headers_of_untrusted_clients_are_removed(echo: str, this_machine: str, path: str) -> None:
    with gateway(echo, ACCESS_USER_HEADER="X-SSO-User", TRUSTED_PROXIES="192.0.2.1, fd00::/8") as address:
        assert forwarded_headers(address, path) == [("x-forwarded-for", this_machine)]


@pytest.mark.parametrize("path", ["/api/health", "/socket.io/?EIO=4&transport=polling"])
def test_chain_scheme_and_user_of_a_trusted_proxy_are_forwarded(echo: str, this_machine: str, path: str) -> None:
    with gateway(echo, ACCESS_USER_HEADER="X-SSO-User", TRUSTED_PROXIES=f"192.0.2.1,{this_machine}") as address:
        assert forwarded_headers(address, path) == [
            ("remote-user", "root"),
            ("x-forwarded-for", "192.0.2.77"),
            ("x-forwarded-for", this_machine),
            ("x-forwarded-prefix", "/x"),
            ("x-forwarded-proto", "https"),
            ("x-sso-user", "root"),
        ]


def test_gateway_without_settings_trusts_no_client(echo: str, this_machine: str) -> None:
    with gateway(echo) as address:
        # A header without meaning here may come from any client.
        assert forwarded_headers(address, "/") == [("x-forwarded-for", this_machine), ("x-sso-user", "root")]


def status(address: str, stack: ExitStack, path: str = "/", **headers: str) -> int | None:
    """Return the status of a response on a persistent connection; ``None`` if the gateway closes it."""
    connection = stack.enter_context(closing(http.client.HTTPConnection(address, 8085, timeout=30)))
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
    except (ConnectionError, http.client.HTTPException):
        return None
    answer.read()
    return answer.status


def test_address_has_a_share_of_the_connections_until_one_of_them_closes(echo: str) -> None:
    with gateway(echo, GATEWAY_LIMIT_CONNECTIONS="3") as address, ExitStack() as others:
        with ExitStack() as one:
            # given
            eventually(lambda: status(address, one) == 200, what="the first of them")
            assert [status(address, others) for _ in range(2)] == [200, 200]
            # when
            assert status(address, others) is None
        # then
        eventually(lambda: status(address, others) == 200, what="a connection in its place")


def test_trusted_proxy_has_no_share_but_each_address_it_forwards_has_one(echo: str, this_machine: str) -> None:
    settings = {"GATEWAY_LIMIT_CONNECTIONS": "3", "TRUSTED_PROXIES": f"192.0.2.1,{this_machine}"}
    with gateway(echo, **settings) as address, ExitStack() as stack:
        # given: unanswered requests through one proxy and through two
        unanswered: dict[int, http.client.HTTPConnection] = {}

        def is_limited() -> bool:
            # While the gateway starts, it may answer a request itself: such a request is sent again.
            for number, chain in enumerate(("192.0.2.77", "192.0.2.77", "192.0.2.77, 192.0.2.1")):
                if number not in unanswered or select.select([unanswered[number].sock], [], [], 0)[0]:
                    connection = stack.enter_context(closing(http.client.HTTPConnection(address, 8085, timeout=30)))
                    connection.request("GET", "/stuck", headers={"X-Forwarded-For": chain})
                    unanswered[number] = connection
            return status(address, stack, X_Forwarded_For="192.0.2.77") == 429

        # then
        eventually(is_limited, what="the limit")
        assert status(address, stack, X_Forwarded_For="192.0.2.77, 192.0.2.1") == 429
        assert [status(address, stack, X_Forwarded_For="192.0.2.78") for _ in range(5)] == [200] * 5


def test_gateway_answers_only_to_its_own_host_names_when_the_access_mode_is_missing(echo: str) -> None:
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
