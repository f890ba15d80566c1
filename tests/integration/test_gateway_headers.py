"""What the gateway hands on of headers that only a proxy could say, seen by a server in the api's place."""

import contextlib
import http.client
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
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
    """Answers with the headers that it was asked with."""

    def do_GET(self) -> None:
        body = json.dumps([[name.lower(), value] for name, value in self.headers.items()]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # whoever checks its health does not read it
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def this_machine() -> str:
    """As containers see it."""
    [config, *_] = engine().networks.get("bridge").attrs["IPAM"]["Config"]
    # An engine that was started for the first time does not say it: it is the first address.
    return config.get("Gateway") or str(next(ip_network(config["Subnet"]).hosts()))


@pytest.fixture(scope="module")
def echo(this_machine: str) -> Iterator[str]:
    """Where the echo listens."""
    with serving(ThreadingHTTPServer((this_machine, 0), Echo)) as server:
        yield f"{this_machine}:{server.server_address[1]}"


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
