"""Access control in the local mode, from a second address of this machine."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import socketio

from access.session import SessionSeal
from deploy.host.addresses import machine_addresses
from deploy.local.data_dir import access_dir
from tests.drivers.local_product import LocalProduct, local_product
from tests.drivers.person import Person
from tests.drivers.process import ROOT
from tests.drivers.socket_client import SocketClient
from tests.drivers.waiting import eventually

PASSWORD = "a few words: 1842"
#: Another address of this machine, like another machine's.
ADDRESS = next(iter(machine_addresses(with_ipv6=False)), "127.0.0.2")
#: Addresses of the trusted proxy and of another client.
PROXY, OTHER_CLIENT = "127.0.0.3", "127.0.0.4"
#: Seconds until a new file takes effect.
SEEN_SECONDS = 10


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a demo, in that of the product."""
    return tmp_path_factory.mktemp("local") / "demo"


@pytest.fixture(scope="module")
def closed(data_dir: Path) -> Iterator[LocalProduct]:
    proxy = {"TRUSTED_PROXIES": PROXY, "ACCESS_USER_HEADER": "Remote-User"}
    with local_product(data_dir.parent, DEMO_NODES="4", PUBLIC_HOST="0.0.0.0", ACCESS="closed", **proxy) as product:
        yield product


@pytest.fixture(scope="module")
def origin(closed: LocalProduct) -> str:
    return f"http://{ADDRESS}:{closed.port}"


@pytest.fixture
def person(data_dir: Path, origin: str) -> Iterator[Person]:
    """A browser without a session."""
    person = Person(SessionSeal(access_dir(data_dir).key.read_bytes().strip()).cookie)
    yield person
    person.close()


def call(words: str, data_dir: Path, given: str = "") -> str:
    """Run ``dispycluster WORDS``; return its output."""
    command = [sys.executable, "-m", "dispycluster", *words.split()]
    environment = {**os.environ, "DATA_DIR": str(data_dir)}
    done = subprocess.run(command, cwd=ROOT, env=environment, input=given, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def ask(port: int, path: str, source: str, **headers: str) -> tuple[int, Any]:
    """Send a request from one of this machine's addresses."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(source, 0))) as connection:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def test_start_prints_that_users_must_sign_in_and_how_to_add_one(closed: LocalProduct, data_dir: Path) -> None:
    assert "3 of 4 nodes answer" in closed.output
    assert (
        f"Everybody must sign in. There is no user yet. Add the first: make user NAME=ada DATA_DIR={data_dir}"
        in closed.output
    )
    # And the start itself needed no token
    assert not list(access_dir(data_dir).tokens.iterdir())


def test_client_without_credentials_reaches_only_the_sign_in_page(origin: str, person: Person) -> None:
    assert person.get(f"{origin}/login").status_code == 200
    sent_on = person.get(f"{origin}/nodes", Accept="text/html")
    assert (sent_on.status_code, sent_on.headers["Location"]) == (303, "/login?next=%2Fnodes")
    for path in ("/api/health", "/api/cluster/snapshot"):
        assert person.get(origin + path).status_code == 401, path
    for path in ("/metrics", "/%6detrics", "/readyz"):
        assert person.get(origin + path).status_code == 404, path
    with pytest.raises(socketio.exceptions.ConnectionError, match="namespaces failed to connect"):
        SocketClient(origin)


def test_user_signs_in_from_another_address_and_gets_pushes_until_the_user_is_removed(
    origin: str, person: Person, data_dir: Path
) -> None:
    # given
    call("user add ada", data_dir, PASSWORD + "\n")
    # when
    eventually(
        lambda: person.try_to_sign_in(origin, "ada", PASSWORD).status_code == 303,
        within_seconds=SEEN_SECONDS,
        what="signed in",
    )
    # then
    assert person.get(f"{origin}/api/health").json()["status"] == "healthy"
    with closing(SocketClient(origin, headers={"Cookie": person.cookie})) as client:
        client.wait_for("redis_cluster_metrics")
        # when
        call("user remove ada", data_dir)
        # then
        eventually(lambda: not client.connected, within_seconds=SEEN_SECONDS, what="the socket ended")
    eventually(
        lambda: person.get(f"{origin}/api/health").status_code == 401,
        within_seconds=SEEN_SECONDS,
        what="the session refused",
    )


def test_user_header_counts_only_from_the_trusted_proxy(closed: LocalProduct) -> None:
    # when
    forged = {"Remote_User": "grace", "X_Forwarded_For": "192.0.2.77"}
    status, session = ask(closed.port, "/api/session", PROXY, **forged)
    # then
    assert (status, session["user"], session["by"]) == (200, "grace", "proxy")
    assert ask(closed.port, "/api/session", PROXY)[0] == 401
    for headers in (forged, {**forged, "X_Forwarded_For": f"192.0.2.77, {PROXY}"}):
        assert ask(closed.port, "/api/session", OTHER_CLIENT, **headers)[0] == 401
