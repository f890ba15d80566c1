"""Who gets in: the choice that is asked for, and how a start sees the data where all must sign in."""

import json
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest

from contract.access.settings import read_mode
from contract.access.tokens import PREFIX, StoredToken, digest_of
from contract.runtime.settings import Environment, SettingError
from deploy.compose.access import MAKE_USER, NO_CHOICE, credentials, lacks_choice, nobody_gets_in
from deploy.compose.dialogue import ROOT
from deploy.compose.project import Project
from deploy.compose.trouble import Trouble
from deploy.compose.up import up
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
        assert lacks_choice(project(access, host)) == lacks


def test_command_and_container_name_the_same_two_lines() -> None:
    done = subprocess.run(["sh", REQUIRE_CHOICE], env={"PUBLIC_HOST": "0.0.0.0"}, capture_output=True, text=True)
    assert done.stderr.rstrip() == NO_CHOICE.format(host="0.0.0.0")
    assert [line.split()[0] for line in done.stderr.splitlines()[1:]] == ["ACCESS=closed", "ACCESS=open"]


def test_up_starts_nothing_while_nobody_has_said_who_gets_in(tmp_path: Path) -> None:
    # given
    docker = ScriptedDocker(tmp_path)
    docker.configure(config(gateway={"ports": [{"host_ip": "0.0.0.0", "target": 8085, "published": "18085"}]}))
    # when
    with pytest.raises(Trouble, match=r"ACCESS=closed .*\n  ACCESS=open"):
        up(docker)
    # then
    assert docker.called("compose up") == []


# Where all must sign in


class Page(HTTPServer):
    """Serves the snapshot to who shows the token that was written last."""

    docker: ScriptedDocker


class Handler(BaseHTTPRequestHandler):
    server: Page

    def do_GET(self) -> None:
        stored = msgspec.json.decode(self.server.docker.received[-1], type=StoredToken)
        shown = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        is_good = shown.startswith(PREFIX) and digest_of(shown) == stored.sha256 and stored.scopes == ("read",)
        stats = {"online_nodes": 7, "total_nodes": 8}
        body = json.dumps({"epoch": 5, "seq": 1, "interval_seconds": 2.0, "cluster_stats": stats}).encode()
        self.send_response(200 if is_good else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def page() -> Iterator[Page]:
    with serving(Page(("127.0.0.1", 0), Handler)) as server:
        yield server


def closed(tmp_path: Path, page: Page) -> ScriptedDocker:
    docker = page.docker = ScriptedDocker(tmp_path)
    ports = [{"host_ip": "127.0.0.1", "target": 8085, "published": str(page.server_port)}]
    docker.configure(config(gateway={"ports": ports}, api={"environment": {"ACCESS": "closed"}}))
    docker.script("ps --filter publish", "lab-gateway-1 lab/gateway\n")
    docker.script("image inspect", "sha256:1\n")
    return docker


def test_up_sees_the_data_by_a_token_that_it_takes_away_again(
    tmp_path: Path, page: Page, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    docker = closed(tmp_path, page)
    # when
    up(docker)
    # then
    said = capsys.readouterr().out
    assert "7 of 8 nodes answer" in said
    assert f"Everybody must sign in. Nobody can yet. A first user: {MAKE_USER}\n" in said
    executed = docker.called("compose exec -T api")
    name = executed[0].split()[-1]
    assert executed[1:] == [
        f"compose exec -T api rm -f /access/tokens/{name}",
        "compose exec -T api sh -c ls /access/users && ls /access/tokens",
    ]
    assert b"dcl_" not in docker.received[0]


def test_up_speaks_of_one_more_user_where_there_is_one(
    tmp_path: Path, page: Page, capsys: pytest.CaptureFixture[str]
) -> None:
    docker = closed(tmp_path, page)
    docker.script("compose exec -T api sh -c ls", "ada\n")
    up(docker)
    assert f"Everybody must sign in. One more user: {MAKE_USER}\n" in capsys.readouterr().out


def test_token_is_taken_away_when_the_start_fails(tmp_path: Path) -> None:
    docker = ScriptedDocker(tmp_path)
    with pytest.raises(Trouble), credentials(docker, project("closed")):
        raise Trouble
    assert len(docker.called("compose exec -T api rm -f /access/tokens/start-")) == 1


def test_nothing_is_shown_where_nobody_is_asked(tmp_path: Path) -> None:
    docker = ScriptedDocker(tmp_path)
    for access in ("", "open"):
        with credentials(docker, project(access)) as headers:
            assert headers == {}
    assert docker.calls == []


def test_who_gets_in_is_not_known_where_the_api_does_not_run(tmp_path: Path) -> None:
    docker = ScriptedDocker(tmp_path)
    docker.script("compose exec", err="service api is not running", code=1)
    assert not nobody_gets_in(docker)
