"""``up`` until the page shows live data, and the access mode."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from access.settings import read_mode
from deploy.compose.docker import DockerResult
from deploy.compose.project import ADD_USER_COMMAND, Project
from deploy.compose.terminal import ROOT, CommandFailed
from deploy.compose.up import await_live_data, bridge_addresses, check_status, has_no_account, print_welcome, up
from deploy.host.status import Status
from runtime.settings import Environment, SettingError
from tests.drivers.live_product import FrontPage, status_line
from tests.drivers.ports import free_port
from tests.drivers.scripted_docker import ScriptedDocker, config

CLOSED = {"environment": {"ACCESS": "closed"}}
REQUIRE_CHOICE = ROOT / "deploy/images/redis/bin/require-choice"
ASK = "compose exec -T api /opt/venv/bin/python -m api.status"


@pytest.fixture
def running(docker: ScriptedDocker, page: FrontPage) -> Callable[..., ScriptedDocker]:
    """All images exist, the port is free, and data are live; ``services`` are settings of the services."""

    def configure(**services: dict[str, object]) -> ScriptedDocker:
        docker.configure(config(gateway={"ports": page.ports}, **services))
        docker.script("ps --filter publish", "lab-gateway-1 lab/gateway\n")
        docker.script("image inspect", "sha256:1\n")
        docker.script(ASK, status_line(issues=("node8 is offline: it sleeps",)))
        return docker

    return configure


def project(docker: ScriptedDocker) -> Project:
    return Project.read(docker)


def test_status_is_live_when_the_api_reports_live_data_and_the_page_answers(
    running: Callable[..., ScriptedDocker], page: FrontPage
) -> None:
    # given
    docker = running()
    # then
    assert check_status(docker, project(docker)) == Status(True, "", 5, 1, 7, 8, ("node8 is offline: it sleeps",))
    # and: a page that redirects to the sign-in counts as an answer
    page.status = 303
    assert check_status(docker, project(docker)).is_live


def test_status_is_not_live_when_the_page_does_not_answer(
    running: Callable[..., ScriptedDocker], page: FrontPage
) -> None:
    # given
    docker = running()
    page.status = 503
    # then
    status = check_status(docker, project(docker))
    assert (status.is_live, status.missing) == (False, "the page answers with status 503")
    # and
    ports = [{**page.ports[0], "published": str(free_port())}]
    docker.configure(config(gateway={"ports": ports}))
    assert check_status(docker, project(docker)).missing.startswith("the page does not answer on 127.0.0.1:")


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        (
            DockerResult(1, status_line("the collector has not published yet")),
            "the collector has not published yet",
        ),
        (DockerResult(2, "", "REDIS_URL=… is not valid\n"), "REDIS_URL=… is not valid"),
        (DockerResult(1, "", 'service "api" is not running\n'), 'service "api" is not running'),
        (DockerResult(1), "docker failed with exit code 1 and no message"),
    ],
)
def test_status_has_the_error_of_the_api_or_docker_when_data_are_not_live(
    running: Callable[..., ScriptedDocker], answer: DockerResult, missing: str
) -> None:
    # given
    docker = running()
    docker.react(ASK, lambda _: answer)
    # when
    status = check_status(docker, project(docker))
    # then
    assert (status.is_live, status.missing) == (False, missing)


def test_up_prints_no_number_of_nodes_when_the_api_is_of_a_previous_release(
    running: Callable[..., ScriptedDocker], capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    docker = running()
    docker.script(ASK, err="/opt/venv/bin/python: No module named api.status\n", code=1)
    # when
    up(docker)
    # then
    assert "; the api's release does not report how many nodes answer. Open:" in capsys.readouterr().out


def statuses(*found: Status) -> Callable[[], Status]:
    remaining = iter(found)
    return lambda: next(remaining)


def test_await_live_data_returns_the_first_newer_round() -> None:
    # given
    none, old, newer = Status(False, "503"), Status(True, epoch=5, seq=9), Status(True, epoch=6, seq=1)
    slept: list[float] = []
    # then
    assert await_live_data(statuses(none, old), 5, sleep=slept.append) == old
    assert await_live_data(statuses(none, old, newer), 5, after=old, sleep=slept.append) == newer
    assert len(slept) == 3


def test_await_live_data_fails_with_the_last_reason_after_the_time_limit() -> None:
    # given
    times = iter([0.0, 1.0, 6.0])
    # then
    with pytest.raises(CommandFailed, match="after 5 s: no ws"):
        await_live_data(
            statuses(Status(False, "no collector"), Status(False, "no ws")), 5,
            monotonic=lambda: next(times), sleep=lambda _: None,
        )  # fmt: skip


def test_up_starts_the_services_and_prints_the_urls(
    running: Callable[..., ScriptedDocker], page: FrontPage, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    docker = running()
    # when
    up(docker)
    # then
    output = capsys.readouterr().out
    assert f"http://localhost:{page.server_port}\n" in output
    assert "7 of 8 nodes answer" in output
    assert "\nProblems of the nodes:\n  - node8 is offline: it sleeps\n" in output
    assert "deploy/compose/config/nodes.yaml" in output
    assert "Ready after " in output
    assert docker.called("compose up") == ["compose up --detach --wait"]
    assert docker.called("compose --profile * build") == []


def test_up_builds_only_missing_images_before_the_start(running: Callable[..., ScriptedDocker], tmp_path: Path) -> None:
    # given
    for name in ("api", "ws"):
        (tmp_path / f"{name}.Dockerfile").touch()
    build = {name: {"build": {"context": str(tmp_path), "dockerfile": f"{name}.Dockerfile"}} for name in ("api", "ws")}
    docker = running(**build)
    for name in ("api", "ws"):
        docker.script(f"image inspect --format {{{{.Id}}}} dispycluster/{name}:0.8.0", code=1)
    # when
    up(docker)
    # then
    assert [call for call in docker.calls if " build " in call or " up " in call] == [
        "compose --profile * build api ws",
        "compose up --detach --wait",
    ]


def test_up_pulls_missing_images_when_the_pull_policy_requires_it(running: Callable[..., ScriptedDocker]) -> None:
    # given
    docker = running(api={"pull_policy": "missing"})
    docker.script("image inspect --format {{.Id}} dispycluster/api:0.8.0", code=1)
    # when
    up(docker)
    # then
    assert docker.called("compose --profile * pull") == ["compose --profile * pull api"]
    assert docker.called("compose --profile * build") == []


def test_up_fails_with_the_log_of_the_container_that_does_not_start(docker: ScriptedDocker) -> None:
    # given
    docker.configure(config(gateway={"ports": []}, api={"environment": {"ACCESS": "open"}}))
    docker.script("image inspect", "sha256:1\n")
    docker.script("ps --filter publish", "lab-gateway-1 lab/gateway\n")
    docker.script("compose up", err=" Container lab-ws-1  Waiting\ncontainer lab-ws-1 is unhealthy\n", code=1)
    docker.script("logs --tail 3 lab-ws-1", "WS_PORT='x' is not valid\n")
    # when
    with pytest.raises(CommandFailed) as failure:
        up(docker)
    # then
    assert str(failure.value).endswith("\ncontainer lab-ws-1 is unhealthy\n    WS_PORT='x' is not valid")
    assert "Waiting" not in str(failure.value)
    # and: the same for the service that all others wait for
    docker.script("compose up", err='service "secrets" didn\'t complete successfully: exit 1\n', code=1)
    docker.script("compose logs --no-log-prefix --tail 3 secrets", "ACCESS is not set\n")
    with pytest.raises(CommandFailed, match=r"exit 1\n    ACCESS is not set$"):
        up(docker)


def test_welcome_has_the_public_url_first_and_no_address_of_docker(
    docker: ScriptedDocker, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    for module in ("deploy.compose.up", "deploy.host.addresses"):
        monkeypatch.setattr(f"{module}.machine_addresses", lambda **_: ["172.17.0.1", "192.168.1.17", "fd00::6"])
    docker.script("network ls", "n1\nn2\n")
    docker.script("network inspect", "172.17.0.0/16 \nfd00:1::/64 \n")
    found = config(
        gateway={"ports": [{"host_ip": "0.0.0.0", "target": 8085, "published": "8085"}]},
        ws={"environment": {"PUBLIC_URL": "https://cluster.lab"}},
    )
    # when
    print_welcome(docker, Project.parse(found, docker.folder), Status(True, epoch=1), 3.21)
    # then
    urls = [line.strip() for line in capsys.readouterr().out.splitlines() if "://" in line]
    assert urls[:2] == ["https://cluster.lab", "http://localhost:8085"]
    assert "http://192.168.1.17:8085" in urls
    assert not any("172.17." in url for url in urls)
    assert bridge_addresses(docker) == {"172.17.0.1"}


# Access mode


def project_for(access: str = "", host: str = "127.0.0.1") -> Project:
    # Compose removes the brackets.
    ports = [{"host_ip": host.strip("[]"), "target": 8085, "published": "8085"}]
    return Project.parse(config(gateway={"ports": ports}, api={"environment": {"ACCESS": access}}), Path("/nowhere"))


@pytest.mark.parametrize(
    ("host", "access", "is_missing"),
    [
        ("127.0.0.1", "", False),
        ("127.0.0.2", "", False),
        ("::1", "", False),
        ("[::1]", "", False),
        ("[::]", "", True),
        ("0.0.0.0", "", True),
        ("::", "", True),
        ("192.168.1.5", "", True),
        ("0.0.0.0", "open", False),
        ("0.0.0.0", "closed", False),
        ("0.0.0.0", "none", True),
        ("0.0.0.0", "ajar", True),
    ],
)
def test_access_mode_is_missing_for_command_container_and_service_alike(
    host: str, access: str, is_missing: bool
) -> None:
    # given
    variables = {"PUBLIC_HOST": host, "ACCESS": access}
    # when: the container that all others wait for
    done = subprocess.run(["sh", REQUIRE_CHOICE], env=variables, capture_output=True, text=True)
    # then
    assert done.returncode == int(is_missing)
    assert (done.stderr == "") != is_missing
    # and: the services themselves
    if is_missing:
        with pytest.raises(SettingError):
            read_mode(Environment(variables))
    else:
        read_mode(Environment(variables))
    # and: the command, which leaves an invalid value to the services
    if access != "ajar":
        assert bool(project_for(access, host).access_mode_error()) == is_missing


def test_command_and_container_print_the_same_instructions() -> None:
    done = subprocess.run(["sh", REQUIRE_CHOICE], env={"PUBLIC_HOST": "0.0.0.0"}, capture_output=True, text=True)
    assert done.stderr.rstrip() == project_for(host="0.0.0.0").access_mode_error()
    assert [line.split()[0] for line in done.stderr.splitlines()[1:]] == ["ACCESS=closed", "ACCESS=open"]


def test_up_starts_no_service_when_the_access_mode_is_missing(docker: ScriptedDocker) -> None:
    # given
    docker.configure(config(gateway={"ports": [{"host_ip": "0.0.0.0", "target": 8085, "published": "18085"}]}))
    # when
    with pytest.raises(CommandFailed, match=r"ACCESS=closed .*\n  ACCESS=open"):
        up(docker)
    # then
    assert docker.called("compose up") == []


def test_up_asks_the_api_in_its_container_when_access_is_closed(
    running: Callable[..., ScriptedDocker], page: FrontPage, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    page.status = 303
    docker = running(api=CLOSED)
    # when
    up(docker)
    # then
    output = capsys.readouterr().out
    assert "7 of 8 nodes answer" in output
    assert f"Everybody must sign in. There is no user yet. Add the first: {ADD_USER_COMMAND}\n" in output
    assert docker.called("compose exec -T api") == [
        "compose exec -T api /opt/venv/bin/python -m api.status --json --wait 20",
        "compose exec -T api sh -c ls /access/users && ls /access/tokens",
    ]
    assert docker.received == []


def test_up_offers_another_user_when_one_exists(
    running: Callable[..., ScriptedDocker], capsys: pytest.CaptureFixture[str]
) -> None:
    docker = running(api=CLOSED)
    docker.script("compose exec -T api sh -c ls", "ada\n")
    up(docker)
    assert f"Everybody must sign in. Add another user: {ADD_USER_COMMAND}\n" in capsys.readouterr().out


def test_accounts_are_unknown_when_the_api_does_not_run(docker: ScriptedDocker) -> None:
    docker.script("compose exec", err="service api is not running", code=1)
    assert not has_no_account(docker)
