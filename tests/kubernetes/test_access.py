"""Access control: open with port-forward; closed with users and tokens from the documented commands, over TLS."""

import base64
import html
import json
import re
import shlex
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import socketio

from tests.drivers.certificate import make_certificate
from tests.drivers.kubernetes import KubernetesDeployment
from tests.drivers.port_forward import port_forward
from tests.drivers.process import ROOT
from tests.drivers.rest import Rest
from tests.drivers.socket_client import SocketClient
from tests.drivers.visitors import Visitor, namespace, reached, visitor
from tests.drivers.waiting import eventually

SNAPSHOT = "/api/cluster/snapshot"
PASSWORD = "a few words: 1842"
#: The documentation's promise for revocations, and the time of a busy machine.
REVOKED_WITHIN_SECONDS = 2.0 + 3.0
SECRETS = ("access-users", "access-tokens", "gateway-tls")


# Documented commands


def documented(kubernetes_namespace: str, *words: str) -> list[str]:
    """Return both halves of the only pipeline with these words in kubernetes-access.md, for this namespace."""
    text = (ROOT / "docs/kubernetes-access.md").read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in re.sub(r"\|\n +", "| ", block).splitlines()]
    [found] = [line for line in lines if f"{' '.join(words)} |" in line]
    found = found.replace("-n dispycluster ", f"-n {shlex.quote(kubernetes_namespace)} ")
    making, _, removing = found.rpartition(" | ")
    return [making, removing]


def bash(script: str, *, input_text: str = "", **variables: str) -> tuple[str, str]:
    """Run a command; return its standard output and standard error."""
    given = "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", given + script], input=input_text, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def make_user(deployment: KubernetesDeployment, name: str) -> None:
    bash(" | ".join(documented(deployment.kubectl.namespace, "user patch ada")).replace("ada", name), PASSWORD=PASSWORD)
    update_secret(deployment, "access-users", "api")


def make_token(deployment: KubernetesDeployment) -> str:
    """Make the token ``backup``."""
    line = " | ".join(documented(deployment.kubectl.namespace, "token patch backup --scope read"))
    _, shown = bash(line)
    [token] = re.findall(r"^dcl_\S+$", shown, re.MULTILINE)
    update_secret(deployment, "access-tokens", "api", "ws")
    return str(token)


def update_secret(deployment: KubernetesDeployment, secret: str, *parts: str) -> None:
    """Have the kubelet update a Secret in all pods of the workloads, and wait until it has."""
    names = set(deployment.kubectl.json("get", "secret", secret).get("data") or {})
    for part in parts:
        deployment.refresh_config(part)
    for pod in (pod for part in parts for pod in deployment.ready_pods(part)):
        eventually(
            lambda pod=pod: secret_keys(deployment, pod, secret) == names, within_seconds=60, what=f"{secret} in {pod}"
        )


def secret_keys(deployment: KubernetesDeployment, pod: str, secret: str) -> set[str]:
    """Return the keys of a Secret that a pod sees."""
    return set(deployment.execute(pod, "ls", f"/{secret.replace('-', '/')}").split())


# Clients


@dataclass(frozen=True)
class Closed:
    """The product with closed access over TLS; ``proxy`` is a pod that is a trusted proxy."""

    deployment: KubernetesDeployment
    origin: str
    authority: Path
    proxy: Visitor

    def browser(self) -> requests.Session:
        """Return a browser without a session that trusts the test's authority."""
        session = requests.Session()
        # The machine's own settings name other authorities.
        session.trust_env = False
        session.verify = str(self.authority)
        return session

    def status(self, browser: requests.Session, path: str = SNAPSHOT, **headers: str) -> int:
        return browser.get(self.origin + path, headers=headers, timeout=30, allow_redirects=False).status_code

    def sign_in(self, browser: requests.Session, user: str, password: str = PASSWORD) -> int:
        """Send the sign-in form; return the status, which is 303 after a success."""
        page = browser.get(f"{self.origin}/login", timeout=30)
        token = re.search(r'name="csrf" value="([^"]*)"', page.text)
        assert token, f"{page.status_code}: {page.text[:500]}"
        form = {"csrf": html.unescape(token[1]), "user": user, "password": password, "next": "/nodes"}
        return browser.post(f"{self.origin}/login", form, timeout=30, allow_redirects=False).status_code


def watching(closed: Closed, browser: requests.Session, auth: object = None) -> closing[SocketClient]:
    """Return a Socket.IO client over a WebSocket, with the cookies of a browser."""
    return closing(SocketClient(closed.origin, auth=auth, http_session=browser, reconnection=False))


def wait_for_end(client: SocketClient, since: float) -> None:
    """Wait until the server has disconnected a client, soon after the monotonic time ``since``, with the reason."""
    eventually(lambda: not client.connected, what="the end of the connection")
    assert time.monotonic() - since < REVOKED_WITHIN_SECONDS
    assert client.last("error")["code"] == "sign_in_required"


def is_accepted(closed: Closed, browser: requests.Session, auth: object = None) -> bool:
    """Whether a socket is accepted; a refused one must get no snapshot."""
    try:
        with watching(closed, browser, auth) as client:
            client.wait_for("redis_cluster_metrics", within_seconds=30)
            return True
    except socketio.exceptions.ConnectionError:
        return False


# Open access


def test_open_access_is_reachable_only_by_port_forward_and_from_its_own_namespace(
    deployment: KubernetesDeployment,
) -> None:
    # Given the unmodified policies
    deployment.apply_policies_unmodified()
    gates = {(address, 8085) for address in deployment.addresses("gateway")}
    # When clients come by port-forward, then they see everything
    with deployment.port_forward() as origin:
        rest = Rest(origin)
        assert rest.json("/api/session")["access"] == "open"
        assert rest.json(SNAPSHOT)["nodes"]
        rest.close()
    # And from elsewhere the gateway cannot be reached
    with (
        namespace(deployment.kubectl, f"{deployment.kubectl.namespace}-elsewhere") as elsewhere,
        visitor(elsewhere, "stranger"),
    ):
        assert reached(elsewhere, "stranger", gates) == set()


def test_installation_before_access_gets_the_missing_secrets_and_keeps_its_others(
    deployment: KubernetesDeployment,
) -> None:
    kubectl = deployment.kubectl
    no_job = lambda: not kubectl.items("jobs")  # noqa: E731
    deployment.wait_until(no_job, within_seconds=60, what="the Job has removed itself")
    passwords = kubectl.json("get", "secret", "redis-passwords")["data"]
    # Given an installation without the Secrets of access
    kubectl.run("delete", "secret", "access-key", "access-users", "access-tokens")
    # When it is applied again, then they exist
    deployment.apply(secrets=True)
    deployment.wait_until(no_job, within_seconds=60, what="the Job has removed itself again")
    key = base64.b64decode(kubectl.json("get", "secret", "access-key")["data"]["key"])
    assert re.fullmatch(rb"[0-9a-f]{64}", key)
    assert not kubectl.json("get", "secret", "access-users").get("data")
    assert not kubectl.json("get", "secret", "access-tokens").get("data")
    # And the passwords are the previous ones
    assert kubectl.json("get", "secret", "redis-passwords")["data"] == passwords


# Closed access


@pytest.fixture(scope="module")
def closed(_installation: KubernetesDeployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Closed]:
    """Closed access with the component tls and a certificate of the test's own authority."""
    deployment, kubectl = _installation, _installation.kubectl
    if not deployment.is_unmodified():
        deployment.apply()
        deployment.wait()
    for secret in SECRETS[:2]:
        kubectl.run("patch", "secret", secret, "--type=merge", "-p", '{"data": null}')
    address = urlsplit(deployment.origin).hostname
    origin = deployment.origin.replace("http:", "https:")
    folder = tmp_path_factory.mktemp("certificate")
    make_certificate(folder, f"IP:{address}")
    certificate = (f"--cert={folder}/server.crt", f"--key={folder}/server.key")
    kubectl.run("delete", "secret", "gateway-tls", "--ignore-not-found")
    kubectl.run("create", "secret", "tls", "gateway-tls", *certificate)
    with namespace(kubectl, f"{kubectl.namespace}-sign-on") as sign_on, visitor(sign_on, "proxy") as proxy:
        settings = [
            "ACCESS=closed",
            "ACCESS_USER_HEADER=Remote-User",
            f"PUBLIC_URL={origin}",
            f"TRUSTED_PROXIES={proxy.address}",
        ]
        try:
            deployment.apply("tls", settings=settings)
            deployment.wait_for_pods()
            yield Closed(deployment, origin, folder / "ca.crt", proxy)
        finally:
            deployment.apply()
            for secret in SECRETS[:2]:
                kubectl.run("patch", "secret", secret, "--type=merge", "-p", '{"data": null}')
            kubectl.run("delete", "secret", "gateway-tls")


def test_closed_access_gives_strangers_the_sign_in_page_and_the_kubelet_a_status(closed: Closed) -> None:
    stranger = closed.browser()
    # Only the sign-in page
    for path in (SNAPSHOT, "/api/health", "/api/alerts", "/api/session"):
        assert closed.status(stranger, path) == 401, path
    page = stranger.get(f"{closed.origin}/nodes", headers={"Accept": "text/html"}, timeout=30)
    assert (page.status_code, urlsplit(page.url).path) == (200, "/login")
    assert not is_accepted(closed, stranger)
    assert not is_accepted(closed, stranger, {"token": "dcl_made_up"})
    # And headers of a trusted proxy have no effect from other clients
    assert closed.status(stranger, **{"Remote-User": "ada", "X-Forwarded-For": closed.proxy.address}) == 401
    # All pods are ready, so the kubelet got answers; they have a status and nothing else
    for part, port in (("api", 8000), ("ws", 8001)):
        with port_forward(closed.deployment.kubectl, f"deploy/{part}", port) as origin:
            rest = Rest(origin)
            assert [rest.get(path).text for path in ("/livez", "/readyz")] == ["live\n", "ready\n"], part
            assert rest.status("/metrics") == 401, part
            rest.close()
    assert closed.deployment.restarts() == {}


def test_gateway_serves_only_tls_with_the_certificate_of_the_secret(closed: Closed) -> None:
    parts = urlsplit(closed.origin)
    assert parts.hostname is not None
    assert parts.port is not None
    # The certificate is valid with the authority, and not without it
    assert closed.status(closed.browser(), "/login") == 200
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{closed.origin}/login", timeout=30)
    shown = ssl.get_server_certificate((parts.hostname, parts.port))
    assert shown.split() == (closed.authority.parent / "server.crt").read_text().split()
    # And there is no answer without TLS
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"http://{parts.netloc}/login", timeout=30)


def test_documented_user_signs_in_and_is_refused_after_the_documented_removal(closed: Closed) -> None:
    deployment = closed.deployment
    # Given a user
    make_user(deployment, "ada")
    browser = closed.browser()
    assert closed.sign_in(browser, "ada", "another password") == 401
    # When the user signs in, then pages, REST and push work through the gateway
    assert closed.sign_in(browser, "ada") == 303
    cookies = {cookie.name: cookie for cookie in browser.cookies}
    assert all(cookie.secure for name, cookie in cookies.items() if name.startswith("dispycluster-"))
    assert closed.status(browser, "/nodes") == closed.status(browser) == 200
    with watching(closed, browser) as client:
        client.wait_for("redis_cluster_metrics", 2, within_seconds=30)
        # When the user is removed, then the socket closes and the session is invalid, though pods still have the user
        making, removing = documented(deployment.kubectl.namespace, "user patch ada --remove")
        change, _ = bash(making)
        wait_for_end(client, time.monotonic())
        eventually(lambda: closed.status(browser) == 401, within_seconds=REVOKED_WITHIN_SECONDS, what="no session")
    assert all("ada" in secret_keys(deployment, pod, "access-users") for pod in deployment.ready_pods("api"))
    # And when the pods have the new Secret, the user cannot sign in
    bash(removing, input_text=change)
    update_secret(deployment, "access-users", "api")
    assert closed.sign_in(closed.browser(), "ada") == 401


def test_documented_token_works_until_its_removal_which_closes_its_sockets_immediately(
    closed: Closed,
) -> None:
    deployment = closed.deployment
    token = make_token(deployment)
    program, bearer = closed.browser(), {"Authorization": f"Bearer {token}"}
    # Given a program with the token
    assert closed.status(program, **bearer) == 200
    for part, port in (("api", 8000), ("ws", 8001)):
        with port_forward(deployment.kubectl, f"deploy/{part}", port) as origin:
            metrics = requests.get(f"{origin}/metrics", headers=bearer, timeout=30)
            assert f"\n{part}_" in metrics.text, part
    # But not for other scopes
    published = program.post(f"{closed.origin}/api/publish/cluster:alerts", json={"x": 1}, headers=bearer, timeout=30)
    assert published.status_code == 403
    making, removing = documented(deployment.kubectl.namespace, "token patch backup --remove")
    with watching(closed, program, {"token": token}) as client:
        client.wait_for("redis_cluster_metrics", 2, within_seconds=30)
        # When it is revoked
        change, _ = bash(making)
        # Then its socket closes with the command or within a moment, though every pod still has the token
        wait_for_end(client, time.monotonic())
    assert all("backup" in secret_keys(deployment, pod, "access-tokens") for pod in deployment.ready_pods("ws"))
    eventually(lambda: closed.status(program, **bearer) == 401, within_seconds=REVOKED_WITHIN_SECONDS, what="no token")
    assert not is_accepted(closed, program, {"token": token})
    # And the second half of the pipeline removes it from the Secret
    assert json.loads(change) == {"data": {"backup": None}}
    bash(removing, input_text=change)
    assert not deployment.kubectl.json("get", "secret", "access-tokens").get("data")


def test_user_header_of_a_trusted_proxy_counts_at_api_and_ws(closed: Closed) -> None:
    pod = closed.deployment.addresses("gateway")[0]
    ask = (
        "import ssl, sys, urllib.request as r; c = ssl._create_unverified_context(); "
        "q = r.Request(sys.argv[1], headers={'Remote-User': 'grace@lab.lan', 'X-Forwarded-For': '192.0.2.7'}); "
        "print(r.urlopen(q, timeout=5, context=c).read().decode())"
    )

    def get_text(path: str) -> str:
        command = ("/opt/venv/bin/python", "-c", ask, f"https://{pod}:8085{path}")
        return closed.proxy.kubectl.run("exec", closed.proxy.name, "--", *command)

    session = json.loads(get_text("/api/session"))
    assert (session["user"], session["by"]) == ("grace@lab.lan", "proxy")
    assert json.loads(get_text(SNAPSHOT))["nodes"]
    # The ws replica accepts the session too
    assert get_text("/socket.io/?EIO=4&transport=polling").startswith("0{")


def test_failing_pipeline_changes_nothing_and_prints_why(closed: Closed) -> None:
    kubectl = closed.deployment.kubectl
    line = " | ".join(documented(kubectl.namespace, "user patch ada"))
    before = kubectl.json("get", "secret", "access-users")["metadata"]["resourceVersion"]
    with pytest.raises(AssertionError, match="8 to 1024 characters"):
        bash(line, PASSWORD="short")
    assert kubectl.json("get", "secret", "access-users")["metadata"]["resourceVersion"] == before
