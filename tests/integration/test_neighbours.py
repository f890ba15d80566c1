"""Users' own servers beside the product: a TLS proxy that replaces the host, and a Redis."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, expect
from redis import Redis

from deploy.host.addresses import machine_addresses
from tests.drivers.certificate import make_certificate
from tests.drivers.chromium import visit
from tests.drivers.deployment import Deployment
from tests.drivers.fleet import BROWSERS, listening, settle
from tests.drivers.neighbour import NGINX, REDIS, neighbour
from tests.drivers.ports import free_port
from tests.drivers.waiting import eventually

LIVE = "#freshness[data-state=live]"
WAIT_MS = 120_000
CONFIG = """
daemon off; pid /tmp/nginx.pid; error_log stderr; events {{}}
http {{
  access_log off;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate /certificates/server.crt;
    ssl_certificate_key /certificates/server.key;
    location / {{
      proxy_pass http://127.0.0.1:{gateway};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_read_timeout 1h;
      {host}
    }}
  }}
}}
"""


def open_live_page(browser: Browser, origin: str) -> None:
    """Open the page despite its unknown certificate, and check that it gets pushes over a WebSocket."""
    context = browser.new_context(ignore_https_errors=True)
    try:
        page = context.new_page()
        sockets: list[str] = []
        page.on("websocket", lambda socket: sockets.append(socket.url))
        visit(page, origin + "/")
        expect(page.locator(LIVE)).to_be_visible(timeout=WAIT_MS)
        assert sockets
        assert all(url.startswith(origin.replace("https:", "wss:")) for url in sockets)
    finally:
        context.close()


def wait_for(origin: str, authority: Path) -> requests.Response:
    return eventually(lambda: requests.get(origin + "/api/health", verify=str(authority), timeout=10), what=origin)


def load_functions(deployment: Deployment, url: str, authority: Path) -> None:
    """Load the functions as in docs/data.md: from the image's output, as a permitted user."""
    library = deployment.compose("run", "--rm", "--no-deps", "-T", "secrets", "functions")
    password = deployment.compose(
        "run", "--rm", "--no-deps", "-T", "secrets", "cat", "/secrets/redis/operator-password"
    ).strip()
    with Redis.from_url(url, username="operator", password=password, ssl_ca_certs=str(authority)) as operator:
        eventually(operator.ping, what="the neighbour's Redis")
        operator.function_load(library)


@pytest.fixture(scope="module")
def public() -> str:
    """The origin of a TLS proxy that replaces the host."""
    return f"https://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def external(tmp_path_factory: pytest.TempPathFactory, public: str) -> Iterator[Deployment]:
    """The product with the user's own Redis over TLS and the documented ACL users.

    Other machines can reach it, at another address than its own.
    """
    folder = tmp_path_factory.mktemp("redis")
    folder.chmod(0o755)
    override = Path("deploy/compose/external-redis.yaml").read_text()
    deployment = Deployment(
        replicas=1,
        override=override,
        REDIS_URL="rediss://named-below",
        PUBLIC_URL=public + "/",
        PUBLIC_HOST="0.0.0.0",
        ACCESS="open",
    )
    try:
        # An address of the host that containers can reach, like a LAN.
        deployment.compose("up", "--no-start", "--no-build")
        host = deployment.network("lan").attrs["IPAM"]["Config"][0]["Gateway"]
        deployment.compose("run", "--rm", "--no-deps", "-T", "secrets")
        users = deployment.compose("run", "--rm", "--no-deps", "-T", "secrets", "cat", "/secrets/redis/users.acl")
        make_certificate(folder, f"IP:{host}")
        (folder / "users.acl").write_text(users)
        port = free_port()
        deployment.set("REDIS_URL", f"rediss://{host}:{port}/0")
        deployment.set("REDIS_CA_FILE", str(folder / "ca.crt"))
        command = ["redis-server", "--port", "0", "--tls-port", str(port), "--bind", host, "--tls-auth-clients", "no"]
        files = {
            "tls-cert-file": "server.crt",
            "tls-key-file": "server.key",
            "tls-ca-cert-file": "ca.crt",
            "aclfile": "users.acl",
        }
        command += [word for option, name in files.items() for word in (f"--{option}", f"/given/{name}")]
        with neighbour(REDIS, command, {folder: "/given"}):
            load_functions(deployment, f"rediss://{host}:{port}/0", folder / "ca.crt")
            deployment.up()
            yield deployment
    finally:
        deployment.close()


def test_product_runs_on_an_external_redis_over_tls_with_the_documented_users(external: Deployment) -> None:
    assert external.containers("redis") == []
    external.next_round(2)
    with listening(external, 10, BROWSERS) as listeners:
        settle(external, listeners)
    log = external.rest.json("/api/alerts/log")["entries"]
    assert log[0]["transition"] == "started"
    assert external.rest.json("/api/health")["redis"]["status"] == "up"


def test_other_machines_can_use_the_open_product(external: Deployment) -> None:
    address = machine_addresses(with_ipv6=False)[0]
    assert requests.get(f"http://{address}:{external.port}/api/health", timeout=30).status_code == 200


def test_public_url_permits_the_page_of_a_tls_proxy_that_replaces_the_host(
    external: Deployment, public: str, browser: Browser, tmp_path: Path
) -> None:
    make_certificate(tmp_path, "IP:127.0.0.1")
    config = CONFIG.format(port=public.rpartition(":")[2], gateway=external.port, host="")
    (tmp_path / "nginx.conf").write_text(config)
    with neighbour(NGINX, ["nginx", "-c", "/certificates/nginx.conf"], {tmp_path: "/certificates"}):
        wait_for(public, tmp_path / "ca.crt")
        open_live_page(browser, public)
        # And no other origin
        url = f"{public}/socket.io/?EIO=4&transport=polling"
        statuses = [
            requests.get(url, headers={"Origin": each}, verify=str(tmp_path / "ca.crt"), timeout=10).status_code
            for each in (public, "https://elsewhere.example")
        ]
        assert statuses == [200, 400]
