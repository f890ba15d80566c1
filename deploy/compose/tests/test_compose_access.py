"""Who gets in: the choice that is asked for, and what a start says where all must sign in."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from access.settings import read_mode
from deploy.compose.dialogue import ROOT, CommandFailed
from deploy.compose.project import MAKE_USER, Project
from deploy.compose.up import nobody_gets_in, up
from runtime.settings import Environment, SettingError
from tests.drivers.live_product import FrontPage, told
from tests.drivers.scripted_docker import ScriptedDocker, config
from tests.drivers.serving import serving

REQUIRE_CHOICE = ROOT / "deploy/images/redis/bin/require-choice"


def project(access: str = "", host: str = "127.0.0.1") -> Project:
    # Compose takes the brackets off.
    ports = [{"host_ip": host.strip("[]"), "target": 8085, "published": "8085"}]
    return Project.parse(config(gateway={"ports": ports}, api={"environment": {"ACCESS": access}}), Path("/nowhere"))


# The choice


@pytest.mark.parametrize(
    ("host", "access", "lacks"),
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
        ("0.0.0.0", "ajar", True),
    ],
)
def test_choice_is_lacking_for_command_container_and_service_alike(host: str, access: str, lacks: bool) -> None:
    # given
    variables = {"PUBLIC_HOST": host, "ACCESS": access}
    # when: the container that all others wait for
    done = subprocess.run(["sh", REQUIRE_CHOICE], env=variables, capture_output=True, text=True)
    # then
    assert done.returncode == int(lacks)
    assert (done.stderr == "") != lacks
    # and: the services themselves
    if lacks:
        with pytest.raises(SettingError):
            read_mode(Environment(variables))
    else:
        read_mode(Environment(variables))
    # and: the command, to which what is neither is for the services to refuse
    if access != "ajar":
        assert bool(project(access, host).choice_error()) == lacks


def test_command_and_container_name_the_same_two_lines() -> None:
    done = subprocess.run(["sh", REQUIRE_CHOICE], env={"PUBLIC_HOST": "0.0.0.0"}, capture_output=True, text=True)
    assert done.stderr.rstrip() == project(host="0.0.0.0").choice_error()
    assert [line.split()[0] for line in done.stderr.splitlines()[1:]] == ["ACCESS=closed", "ACCESS=open"]


def test_up_starts_nothing_while_nobody_has_said_who_gets_in(tmp_path: Path) -> None:
    # given
    docker = ScriptedDocker(tmp_path)
    docker.configure(config(gateway={"ports": [{"host_ip": "0.0.0.0", "target": 8085, "published": "18085"}]}))
    # when
    with pytest.raises(CommandFailed, match=r"ACCESS=closed .*\n  ACCESS=open"):
        up(docker)
    # then
    assert docker.called("compose up") == []


# Where all must sign in


@pytest.fixture
def page() -> Iterator[FrontPage]:
    with serving(FrontPage()) as server:
        yield server


def closed(tmp_path: Path, page: FrontPage) -> ScriptedDocker:
    docker = ScriptedDocker(tmp_path)
    docker.configure(config(gateway={"ports": page.ports}, api={"environment": {"ACCESS": "closed"}}))
    docker.script("ps --filter publish", "lab-gateway-1 lab/gateway\n")
    docker.script("image inspect", "sha256:1\n")
    docker.script("compose exec -T api /opt/venv/bin/python -m api.status", told())
    return docker


def test_up_asks_inside_and_lets_nobody_in(tmp_path: Path, page: FrontPage, capsys: pytest.CaptureFixture[str]) -> None:
    # given
    page.status = 303
    docker = closed(tmp_path, page)
    # when
    up(docker)
    # then
    said = capsys.readouterr().out
    assert "7 of 8 nodes answer" in said
    assert f"Everybody must sign in. Nobody can yet. A first user: {MAKE_USER}\n" in said
    assert docker.called("compose exec -T api") == [
        "compose exec -T api /opt/venv/bin/python -m api.status --json --wait 20",
        "compose exec -T api sh -c ls /access/users && ls /access/tokens",
    ]
    assert docker.received == []


def test_up_speaks_of_one_more_user_where_there_is_one(
    tmp_path: Path, page: FrontPage, capsys: pytest.CaptureFixture[str]
) -> None:
    docker = closed(tmp_path, page)
    docker.script("compose exec -T api sh -c ls", "ada\n")
    up(docker)
    assert f"Everybody must sign in. One more user: {MAKE_USER}\n" in capsys.readouterr().out


def test_who_gets_in_is_not_known_where_the_api_does_not_run(tmp_path: Path) -> None:
    docker = ScriptedDocker(tmp_path)
    docker.script("compose exec", err="service api is not running", code=1)
    assert not nobody_gets_in(docker)
