"""A user's TLS proxy that keeps the host."""

from pathlib import Path

from playwright.sync_api import Browser

from tests.drivers.certificate import make_certificate
from tests.drivers.deployment import Deployment
from tests.drivers.neighbour import NGINX, neighbour
from tests.drivers.ports import free_port
from tests.integration.test_neighbours import CONFIG, open_live_page, wait_for


def test_page_is_live_behind_a_tls_proxy_that_keeps_the_host(
    deployment: Deployment, browser: Browser, tmp_path: Path
) -> None:
    make_certificate(tmp_path, "IP:127.0.0.1")
    port = free_port()
    config = CONFIG.format(port=port, gateway=deployment.port, host="proxy_set_header Host $http_host;")
    (tmp_path / "nginx.conf").write_text(config)
    with neighbour(NGINX, ["nginx", "-c", "/certificates/nginx.conf"], {tmp_path: "/certificates"}):
        origin = f"https://127.0.0.1:{port}"
        assert wait_for(origin, tmp_path / "ca.crt").status_code == 200
        open_live_page(browser, origin)
