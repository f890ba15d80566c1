"""From nothing to the page with data."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deploy.compose.page import NoData, Snapshot, await_data, look
from deploy.compose.project import Project
from deploy.compose.trouble import Trouble
from deploy.compose.up import bridge_addresses, greet, up
from tests.drivers.ports import free_port
from tests.drivers.scripted_docker import ScriptedDocker, config
from tests.drivers.serving import serving

SNAPSHOT = b'{"epoch":5,"seq":%d,"interval_seconds":2.0,"cluster_stats":{"online_nodes":7,"total_nodes":8},"nodes":[]}'


class Page(HTTPServer):
    """Serves the snapshot as a test says."""

    status = 200
    age_seconds = 0
    seq = 1


class Handler(BaseHTTPRequestHandler):
    server: Page

    def do_GET(self) -> None:
        body = SNAPSHOT % self.server.seq if self.path == "/api/cluster/snapshot" else b"{}"
        self.send_response(self.server.status)
        self.send_header("Age", str(self.server.age_seconds))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def page() -> Iterator[Page]:
    with serving(Page(("127.0.0.1", 0), Handler)) as server:
        yield server


def project(port: int, **services: dict[str, object]) -> Project:
    ports = [{"host_ip": "127.0.0.1", "target": 8085, "published": str(port)}]
    return Project.parse(config(gateway={"ports": ports}, **services), Path("/nowhere"))


def test_snapshot_is_read_through_the_gateway(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    # then
    assert look(project(page.server_port)) == Snapshot(5, 1, 7, 8, 2.0)


def test_snapshot_left_over_from_an_earlier_run_is_no_data(page: Page) -> None:
    # given
    page.age_seconds = 7
    # then
    with pytest.raises(NoData, match="7 s ago"):
        look(project(page.server_port))


def test_page_without_data_says_why(page: Page) -> None:
    # given
    page.status = 503
    # then
    with pytest.raises(NoData, match="status 503"):
        look(project(page.server_port))
    with pytest.raises(NoData, match="nothing answers"):
        look(project(free_port()))


def looks(*found: Snapshot | NoData) -> Callable[[], Snapshot]:
    coming = iter(found)

    def once() -> Snapshot:
        one = next(coming)
        if isinstance(one, NoData):
            raise one
        return one

    return once


def test_waiting_ends_with_the_first_snapshot_that_is_newer() -> None:
    # given
    old, newer = Snapshot(5, 9), Snapshot(6, 1)
    slept: list[float] = []
    # then
    assert await_data(looks(NoData("503"), old), 5, sleep=slept.append) == old
    assert await_data(looks(NoData("503"), old, newer), 5, after=old, sleep=slept.append) == newer
    assert len(slept) == 3


def test_waiting_ends_with_the_reason_when_nothing_comes() -> None:
    # given
    times = iter([0.0, 1.0, 6.0])
    # then
    with pytest.raises(Trouble, match="after 5 s: status 502"):
        await_data(
            looks(NoData("status 503"), NoData("status 502")), 5, monotonic=lambda: next(times), sleep=lambda _: None
        )


def test_up_starts_quietly_and_says_where_the_pages_are(
    tmp_path: Path, page: Page, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    docker = ScriptedDocker(tmp_path)
    ports = [{"host_ip": "127.0.0.1", "target": 8085, "published": str(page.server_port)}]
    docker.configure(config(gateway={"ports": ports}))
    docker.script("ps --filter publish", "lab-gateway-1 lab/gateway\n")
    docker.script("image inspect", "sha256:1\n")
    # when
    up(docker)
    # then
    said = capsys.readouterr().out
    assert f"http://localhost:{page.server_port}\n" in said
    assert "7 of 8 nodes answer" in said
    assert "/srv/config/nodes.yaml" in said
    assert "Ready after " in said
    assert docker.called("compose up") == ["compose up --detach --wait"]
    assert docker.called("compose --profile * build") == []


def test_up_builds_only_what_is_missing_before_it_starts(tmp_path: Path, page: Page) -> None:
    # given
    for name in ("api", "ws"):
        (tmp_path / f"{name}.Dockerfile").touch()
    docker = ScriptedDocker(tmp_path)
    ports = [{"host_ip": "127.0.0.1", "target": 8085, "published": str(page.server_port)}]
    build = {name: {"build": {"context": str(tmp_path), "dockerfile": f"{name}.Dockerfile"}} for name in ("api", "ws")}
    docker.configure(config(gateway={"ports": ports}, **build))
    docker.script("ps --filter publish", "lab-gateway-1 lab/gateway\n")
    docker.script("image inspect", "sha256:1\n")
    for name in ("api", "ws"):
        docker.script(f"image inspect --format {{{{.Id}}}} dispycluster/{name}:0.3.0", code=1)
    # when
    up(docker)
    # then
    assert [call for call in docker.calls if " build " in call or " up " in call] == [
        "compose --profile * build api ws",
        "compose up --detach --wait",
    ]


def test_up_pulls_what_is_missing_when_the_policy_says_so(tmp_path: Path, page: Page) -> None:
    # given
    docker = ScriptedDocker(tmp_path)
    ports = [{"host_ip": "127.0.0.1", "target": 8085, "published": str(page.server_port)}]
    docker.configure(config(gateway={"ports": ports}, api={"pull_policy": "missing"}))
    docker.script("ps --filter publish", "lab-gateway-1 lab/gateway\n")
    docker.script("image inspect", "sha256:1\n")
    docker.script("image inspect --format {{.Id}} dispycluster/api:0.3.0", code=1)
    # when
    up(docker)
    # then
    assert docker.called("compose --profile * pull") == ["compose --profile * pull api"]
    assert docker.called("compose --profile * build") == []


def test_up_says_what_compose_said_when_a_container_does_not_come_up(tmp_path: Path, page: Page) -> None:
    # given
    docker = ScriptedDocker(tmp_path)
    docker.configure(config(gateway={"ports": []}, api={"environment": {"ACCESS": "open"}}))
    docker.script("image inspect", "sha256:1\n")
    docker.script("ps --filter publish", "lab-gateway-1 lab/gateway\n")
    docker.script("compose up", err=" Container lab-ws-1  Waiting\ncontainer lab-ws-1 is unhealthy\n", code=1)
    docker.script("logs --tail 3 lab-ws-1", "WS_PORT='x' is not valid\n")
    # when
    with pytest.raises(Trouble) as trouble:
        up(docker)
    # then
    assert str(trouble.value).endswith("\ncontainer lab-ws-1 is unhealthy\n    WS_PORT='x' is not valid")
    assert "Waiting" not in str(trouble.value)
    # and when it is the service that all others wait for
    docker.script("compose up", err='service "secrets" didn\'t complete successfully: exit 1\n', code=1)
    docker.script("compose logs --no-log-prefix --tail 3 secrets", "ACCESS says nothing\n")
    with pytest.raises(Trouble, match=r"exit 1\n    ACCESS says nothing$"):
        up(docker)


def test_greeting_names_the_public_url_first_and_no_address_of_docker_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    for module in ("deploy.compose.up", "deploy.local.addresses"):
        monkeypatch.setattr(f"{module}.machine_addresses", lambda **_: ["172.17.0.1", "192.168.1.17", "fd00::6"])
    docker = ScriptedDocker(tmp_path)
    docker.script("network ls", "n1\nn2\n")
    docker.script("network inspect", "172.17.0.0/16 \nfd00:1::/64 \n")
    found = config(
        gateway={"ports": [{"host_ip": "0.0.0.0", "target": 8085, "published": "8085"}]},
        ws={"environment": {"PUBLIC_URL": "https://cluster.lab"}},
    )
    # when
    greet(docker, Project.parse(found, tmp_path), Snapshot(1, 1), 3.21)
    # then
    urls = [line.strip() for line in capsys.readouterr().out.splitlines() if "://" in line]
    assert urls[:2] == ["https://cluster.lab", "http://localhost:8085"]
    assert "http://192.168.1.17:8085" in urls
    assert not any("172.17." in url for url in urls)
    assert bridge_addresses(docker) == {"172.17.0.1"}
