"""Access control of the containers: the access mode, users, tokens, and proxies."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import socketio
from playwright.sync_api import Page, expect

from deploy.host.addresses import machine_addresses
from tests.drivers.accounts import PASSWORD, command, person_of, signed_in
from tests.drivers.chromium import visit
from tests.drivers.deployment import Deployment
from tests.drivers.docker_engine import engine
from tests.drivers.neighbour import NGINX, neighbour
from tests.drivers.process import ROOT
from tests.drivers.socket_client import SocketClient
from tests.drivers.waiting import Deadline, eventually

SNAPSHOT = "redis_cluster_metrics"
#: Seconds until all processes know a new user or token.
KNOWN_SECONDS = 10
#: Seconds until sockets of revoked credentials close: the product's promise, and the time of this machine.
REVOKED_SECONDS = 2 + 3


def status(url: str, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(url, headers=named, timeout=30, allow_redirects=False).status_code


# Access mode


@dataclass(frozen=True)
class RefusedStart:
    """Result of a first start without an access mode."""

    deployment: Deployment
    output: str
    #: Output of the service that checks the access mode.
    lines: list[str]
    #: Names of the running containers.
    running: list[str]


@pytest.fixture(scope="module")
def refusal() -> Iterator[RefusedStart]:
    deployment = Deployment(replicas=2, PUBLIC_HOST="0.0.0.0")
    try:
        output = deployment.compose("up", "-d", "--wait", "--no-build", check=False)
        lines = deployment.compose("logs", "--no-log-prefix", "secrets").splitlines()
        label = f"com.docker.compose.project={deployment.name}"
        running = [container.name for container in engine().containers.list(filters={"label": label})]
        yield RefusedStart(deployment, output, lines, running)
    finally:
        deployment.close()


def test_no_service_starts_for_other_machines_when_the_access_mode_is_missing(refusal: RefusedStart) -> None:
    assert 'service "secrets" didn\'t complete successfully: exit 1' in refusal.output
    assert refusal.lines[0].startswith("PUBLIC_HOST=0.0.0.0 lets other machines reach the pages")
    assert [line.split()[0] for line in refusal.lines[1:]] == ["ACCESS=closed", "ACCESS=open"]
    assert refusal.running == []


# Closed


@pytest.fixture(scope="module")
def closed(refusal: RefusedStart) -> Deployment:
    """The product after one of the two lines was added to ``.env``."""
    refusal.deployment.set("ACCESS", "closed")
    refusal.deployment.up()
    return refusal.deployment


@pytest.fixture(scope="module")
def elsewhere(closed: Deployment) -> str:
    """The pages' origin on another address of this machine."""
    return f"http://{machine_addresses(with_ipv6=False)[0]}:{closed.port}"


@pytest.fixture(scope="module")
def ada(closed: Deployment) -> str:
    """The name of a user."""
    command(closed, "user", "add", "ada", input_text=PASSWORD + "\n")
    return "ada"


def test_up_prints_the_nodes_and_how_to_add_a_user_when_access_is_closed(closed: Deployment) -> None:
    # when
    done = subprocess.run(
        [sys.executable, "-B", "-m", "deploy.compose", "up"],
        cwd=ROOT, env=closed.environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    # then
    assert done.returncode == 0, done.stderr
    assert "1 of 1 node answers" in done.stdout
    assert "Everybody must sign in." in done.stdout
    assert "docker compose run --rm api user add NAME" in done.stdout
    assert closed.execute("api", "ls", "/access/tokens") == ""


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz", "/%6detrics", "/metrics?x", "/re%61dyz"])
def test_probes_and_metrics_are_refused_for_every_spelling_of_their_path(elsewhere: str, path: str) -> None:
    answer = requests.get(elsewhere + path, timeout=30)
    # Python's library normalizes paths; the gateway must get both forms.
    raw = subprocess.run(
        ["curl", "--silent", "--path-as-is", "--output", "/dev/null", "--write-out", "%{http_code}", elsewhere + path],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert (answer.status_code, raw.stdout) == (404, "404")


def test_client_without_credentials_gets_the_sign_in_page_and_no_socket(closed: Deployment, elsewhere: str) -> None:
    for path in ("/api/health", "/api/cluster/snapshot", "/", "/nodes", "/api/openapi.json"):
        assert status(elsewhere + path) == 401, path
    with closing(person_of(closed)) as person:
        sent_on = person.get(f"{elsewhere}/nodes", Accept="text/html")
        assert (sent_on.status_code, sent_on.headers["Location"]) == (303, "/login?next=%2Fnodes")
        assert "not encrypted" in person.get(f"{elsewhere}/login", Host="192.0.2.9").text
    with pytest.raises(socketio.exceptions.ConnectionError, match="namespaces failed to connect"):
        SocketClient(elsewhere)


def test_every_replica_pushes_to_a_user_until_the_user_is_removed(closed: Deployment, elsewhere: str, ada: str) -> None:
    with closing(signed_in(closed, elsewhere)) as person:
        clients = [SocketClient(elsewhere, headers={"Cookie": person.cookie}) for _ in range(6)]
        try:
            for client in clients:
                client.wait_for(SNAPSHOT)
            assert len({client.last("connection_confirmed")["replica"] for client in clients}) == 2
            assert person.get(f"{elsewhere}/api/health").status_code == 200
            # when
            command(closed, "user", "remove", ada)
            # then
            eventually(
                lambda: not any(client.connected for client in clients), within_seconds=REVOKED_SECONDS, what="all end"
            )
            eventually(
                lambda: person.get(f"{elsewhere}/api/health").status_code == 401,
                within_seconds=REVOKED_SECONDS,
                what="the session refused",
            )
        finally:
            for client in clients:
                client.close()
            command(closed, "user", "add", ada, input_text=PASSWORD + "\n")


def test_wrong_password_is_refused_and_logged_with_the_clients_address(
    closed: Deployment, elsewhere: str, ada: str
) -> None:
    with closing(person_of(closed)) as person:
        token = person.form_token(f"{elsewhere}/login")
        answer = person.post(
            f"{elsewhere}/login", {"csrf": token, "user": ada, "password": "guessed"}, X_Forwarded_For="192.0.2.77"
        )
    assert answer.status_code == 401
    [line] = [line for line in closed.compose("logs", "api").splitlines() if "failed sign-in" in line][-1:]
    address = line.rpartition(" from ")[2]
    # Docker's proxy or the machine itself: the address that connected to the gateway.
    assert re.fullmatch(r"[0-9.]+", address), line
    assert address not in ("192.0.2.77", closed.address("gateway", "gateway-api"))


def test_token_works_for_rest_and_push_until_it_is_removed(closed: Deployment, elsewhere: str) -> None:
    # given
    token = command(closed, "token", "add", "script", "--days", "1").strip()
    bearer = f"Bearer {token}"
    eventually(lambda: status(f"{elsewhere}/api/health", Authorization=bearer) == 200, within_seconds=KNOWN_SECONDS)
    clients = [SocketClient(elsewhere, auth={"token": token}, transport=each) for each in ("websocket", "polling")]
    try:
        for client in clients:
            client.wait_for(SNAPSHOT)
        # when
        command(closed, "token", "remove", "script")
        # then
        eventually(
            lambda: not any(client.connected for client in clients), within_seconds=REVOKED_SECONDS, what="both end"
        )
        eventually(
            lambda: status(f"{elsewhere}/api/health", Authorization=bearer) == 401,
            within_seconds=REVOKED_SECONDS,
            what="the token refused",
        )
    finally:
        for client in clients:
            client.close()


def test_down_keeps_only_the_data_and_up_restores_the_product(
    closed: Deployment, elsewhere: str, ada: str, page: Page
) -> None:
    # given
    token = command(closed, "token", "add", "lasting").strip()
    bearer = {"Authorization": f"Bearer {token}"}

    def log() -> list[dict[str, Any]]:
        answer = requests.get(f"{elsewhere}/api/alerts/log?limit=1000", headers=bearer, timeout=30)
        assert answer.status_code == 200, answer.text
        entries: list[dict[str, Any]] = answer.json()["entries"]
        return entries

    kept = eventually(log, within_seconds=KNOWN_SECONDS, what="the token is known, and the log begun")
    key, known = closed.execute("api", "cat", "/secrets/access/key"), closed.passwords()
    with closing(signed_in(closed, elsewhere)) as person:
        # when
        closed.down()
        # then
        project = {"label": f"com.docker.compose.project={closed.name}"}
        assert engine().containers.list(all=True, filters=project) == []
        assert engine().networks.list(filters=project) == []
        volumes = {volume.name.removeprefix(f"{closed.name}_") for volume in engine().volumes.list(filters=project)}
        assert {"data", "secrets-redis", "secrets-api", "access-users", "access-tokens"} <= volumes
        # when
        closed.compose("up", "-d", "--wait")
        # then
        assert closed.execute("api", "cat", "/secrets/access/key") == key
        assert closed.passwords() == known
        assert log()[: len(kept)] == kept
        # The session is valid too, because the key and Redis's data stay.
        assert person.get(f"{elsewhere}/api/health").status_code == 200
        name, _, value = person.cookie.partition("=")
        page.context.add_cookies([{"name": name, "value": value, "url": elsewhere}])
        visit(page, elsewhere + "/")
    expect(page.locator("#freshness[data-state=live]")).to_be_visible(timeout=120_000)
    node = page.locator(f'[data-node="{os.uname().nodename}"]').first
    expect(node).to_be_visible(timeout=120_000)
    before = node.inner_text()
    page.wait_for_function(
        "([name, before]) => document.querySelector(`[data-node='${name}']`).innerText !== before",
        arg=[os.uname().nodename, before],
        timeout=120_000,
    )
    expect(page).to_have_title(re.compile("lab"))


def test_ws_replica_cannot_change_tokens_or_key_and_has_no_users(closed: Deployment) -> None:
    output = closed.execute("ws", "sh", "-c", "touch /access/tokens/x /secrets/access/x 2>&1; true")
    assert output.count("Read-only file system") == 2
    assert closed.execute("ws", "ls", "/access/users") == ""


def test_backup_of_users_and_tokens_can_be_restored(closed: Deployment, elsewhere: str, ada: str) -> None:
    # given
    copy = closed.compose_bytes("exec", "-T", "api", "serve", "access", "save")
    command(closed, "user", "remove", ada)
    assert b"user ada" in closed.compose_bytes("exec", "-T", "api", "serve", "access", "check", input_bytes=copy)
    # when
    closed.compose_bytes("exec", "-T", "api", "serve", "access", "restore", input_bytes=copy)

    # then
    def comes_back() -> bool:
        with closing(person_of(closed)) as person:
            return person.try_to_sign_in(elsewhere, ada, PASSWORD).status_code == 303

    eventually(comes_back, within_seconds=KNOWN_SECONDS)


def test_backup_of_data_and_users_can_be_restored(closed: Deployment, elsewhere: str, ada: str) -> None:
    # given
    output = closed.command("backup")
    path = ROOT / output.split(":")[0]
    try:
        command(closed, "user", "remove", ada)
        # when
        output = closed.command("restore", str(path), "--yes")
    finally:
        path.unlink()
    # then
    assert " will be missing." in output
    assert f"user {ada}" in output
    assert f"The data of {path.name} are restored." in output
    with closing(person_of(closed)) as person:
        assert person.try_to_sign_in(elsewhere, ada, PASSWORD).status_code == 303
    [kept] = [line.split()[-1] for line in output.splitlines() if line.startswith("The current data are kept in")]
    (ROOT / kept).unlink()


def test_users_stay_signed_in_after_a_new_key_and_sign_in_again_after_a_stolen_one(
    closed: Deployment, elsewhere: str, ada: str
) -> None:
    with closing(signed_in(closed, elsewhere, ada)) as person:
        # when
        closed.command("rotate", "session-key")
        # then: also when the replicas sign with the new key
        deadline = Deadline(15)
        while not deadline.has_passed:
            assert person.is_known(elsewhere)
            time.sleep(0.5)
        # when
        closed.command("rotate", "session-key", "--now")
        # then
        eventually(lambda: not person.is_known(elsewhere), within_seconds=KNOWN_SECONDS)


# A proxy that signs users in


#: Has a user ``ada`` with the password ``secret``; resolves names for each request, because the gateway starts later.
_NGINX = """
daemon off; pid /tmp/nginx.pid; error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c; uwsgi_temp_path /tmp/d;
  scgi_temp_path /tmp/e;
  resolver 127.0.0.11 valid=1s;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  # It stands for a proxy with TLS, whose clients have the origin https.
  map $http_origin $origin { default https://$http_host; '' ''; }
  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto https;
  proxy_set_header Origin $origin;
  proxy_set_header Remote-User $remote_user;
  server {
    listen 8080;
    auth_basic "cluster";
    auth_basic_user_file /given/passwords;
    location / { set $gateway gateway; proxy_pass http://$gateway:8085; }
    # Whoever signs in by a password of the product's own.
    location = /login { auth_basic off; set $gateway gateway; proxy_pass http://$gateway:8085; }
  }
}
"""


@pytest.fixture(scope="module")
def sso(closed: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deployment, str]]:
    """The product with one trusted proxy that asks for a password; yields the proxy's address too."""
    folder = tmp_path_factory.mktemp("nginx")
    folder.chmod(0o755)
    (folder / "nginx.conf").write_text(_NGINX)
    (folder / "passwords").write_text("ada:{PLAIN}secret\n")
    network = f"{closed.name}_edge"
    with neighbour(NGINX, ["nginx", "-c", "/given/nginx.conf"], {folder: "/given"}, network) as nginx:
        container = nginx.get_wrapped_container()
        container.reload()
        address = container.attrs["NetworkSettings"]["Networks"][network]["IPAddress"]
        closed.set("ACCESS_USER_HEADER", "Remote-User")
        closed.set("TRUSTED_PROXIES", f"192.0.2.1,{address}")
        closed.up()
        yield closed, f"http://{address}:8080"


def test_user_of_the_trusted_proxy_is_signed_in_and_gets_pushes(sso: tuple[Deployment, str]) -> None:
    _, proxy = sso
    # given
    assert status(f"{proxy}/") == 401
    session = requests.Session()
    session.auth = ("ada", "secret")
    with session:
        # then: the user that the client names itself has no effect
        found = session.get(f"{proxy}/api/session", headers={"Remote-User": "root"}, timeout=30).json()
        assert (found["user"], found["by"]) == ("ada", "proxy")
        assert session.get(f"{proxy}/", timeout=30).status_code == 200
        for transport in ("websocket", "polling"):
            with closing(SocketClient(proxy, transport=transport, http_session=session)) as client:
                client.wait_for(SNAPSHOT)


def test_user_header_of_other_clients_has_no_effect(sso: tuple[Deployment, str]) -> None:
    deployment, proxy = sso
    address = proxy.split("/")[2].partition(":")[0]
    directly = f"http://127.0.0.1:{deployment.port}"
    for headers in (
        {"Remote_User": "ada"},
        {"Remote_User": "ada", "X_Forwarded_For": address},
        {"Remote_User": "ada", "X_Forwarded_For": f"192.0.2.77, {address}"},
        {"Remote_User": "ada", "Forwarded": f"for={address}"},
    ):
        assert status(f"{directly}/api/session", **headers) == 401, headers
    # Some servers treat this name like the header.
    assert requests.get(f"{directly}/api/session", headers={"Remote_User": "ada"}, timeout=30).status_code == 401
    with pytest.raises(socketio.exceptions.ConnectionError, match="namespaces failed to connect"):
        SocketClient(directly, headers={"Remote-User": "ada", "X-Forwarded-For": address})
    # The same for another container in the gateway's network.
    ask = (
        "import socket; s = socket.create_connection(('{address}', 8085)); s.settimeout(10); "
        "s.sendall(b'GET /api/session HTTP/1.0\\r\\nRemote-User: ada\\r\\nX-Forwarded-For: {proxy}\\r\\n\\r\\n'); "
        "print(s.recv(12).decode())"
    ).format(address=deployment.address("gateway", "gateway-api"), proxy=address)
    assert deployment.python("api", ask).split()[-1] == "401"


def test_client_address_of_a_trusted_proxy_counts_and_of_other_clients_not(sso: tuple[Deployment, str]) -> None:
    deployment, proxy = sso
    # when: the log has the address of a refused request
    answer = requests.post(
        f"{proxy}/api/publish/cluster:alerts",
        json={},
        headers={"X-Forwarded-For": "192.0.2.77"},
        auth=("ada", "secret"),
        timeout=30,
    )
    # then: this machine, as the proxy sees it; not the client's header, the proxy, or the gateway
    assert answer.status_code == 403
    this_machine = deployment.network("edge").attrs["IPAM"]["Config"][0]["Gateway"]
    refused = [line for line in deployment.compose("logs", "api").splitlines() if "refused '/api/publish" in line]
    [line] = refused
    assert f"from {this_machine}: " in line


def test_scheme_of_a_trusted_proxy_counts_and_of_other_clients_not(sso: tuple[Deployment, str]) -> None:
    deployment, proxy = sso
    with closing(person_of(deployment)) as person:
        forged = person.get(f"http://127.0.0.1:{deployment.port}/login", Host="192.0.2.9", X_Forwarded_Proto="https")
        encrypted = person.get(f"{proxy}/login")
    assert (forged.status_code, encrypted.status_code) == (200, 200)
    assert "not encrypted" in forged.text
    assert "not encrypted" not in encrypted.text
