"""New secrets in place of others, while the product runs."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.compose import __main__ as command_line
from deploy.compose import rotate as module
from deploy.compose.dialogue import CommandFailed
from deploy.compose.rotate import rotate
from tests.drivers.compose_lab import Lab
from tests.drivers.scripted_docker import config

MAKE = "compose run --rm --no-deps -T secrets make-secrets"
LOAD = "compose exec -T redis operator acl load"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The product runs; what starts again is told among the calls of docker."""
    made = Lab(tmp_path, "redis", "api", "ws", "ws", "collector", "gateway")
    made.docker.script(LOAD, "OK\n")
    monkeypatch.setattr(module, "restart", lambda docker, service: docker.calls.append(f"restart {service}"))
    return made


def steps(lab: Lab) -> list[str]:
    return [call for call in lab.docker.calls if call.startswith(("compose run", "compose exec", "restart"))]


def test_redis_has_two_passwords_while_the_services_start_again(lab: Lab) -> None:
    rotate(lab.docker, "redis")
    restarts = ["restart api", "restart ws", "restart collector"]
    assert steps(lab) == [f"{MAKE} next", LOAD, f"{MAKE} use", *restarts, f"{MAKE} end", LOAD]


def test_former_passwords_stay_good_when_a_service_does_not_start_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise CommandFailed("ws does not become healthy")

    monkeypatch.setattr(module, "restart", fail)
    with pytest.raises(CommandFailed, match="healthy"):
        rotate(lab.docker, "redis")
    assert f"{MAKE} end" not in lab.docker.calls


def test_no_service_gets_a_password_that_redis_does_not_take(lab: Lab) -> None:
    lab.docker.script(LOAD, "NOPERM User operator has no permissions to run the 'acl|load' command\n")
    with pytest.raises(CommandFailed, match="NOPERM"):
        rotate(lab.docker, "redis")
    assert steps(lab) == [f"{MAKE} next", LOAD]


def test_passwords_of_another_redis_are_left_alone(lab: Lab) -> None:
    lab.docker.configure(config(collector={"environment": {"REDIS_URL": "redis://redis.lan:6379/0"}}))
    with pytest.raises(CommandFailed, match="Redis of your own"):
        rotate(lab.docker, "redis")
    assert steps(lab) == []


def test_former_key_is_good_for_as_long_as_a_session_may_last(lab: Lab) -> None:
    lab.docker.configure(config(api={"environment": {"ACCESS_SESSION_SECONDS": "3600"}}))
    rotate(lab.docker, "session-key")
    [call] = steps(lab)
    until, begins = map(int, re.fullmatch(rf"{MAKE} key (\d+) (\d+)", call).groups())  # type: ignore[union-attr]
    assert until - begins == 3600
    assert 0 < begins - time.time() <= module.SETTLE_SECONDS + 1


def test_stolen_key_is_replaced_and_all_sessions_end(lab: Lab) -> None:
    rotate(lab.docker, "session-key", now=True)
    assert steps(lab) == [f"{MAKE} key", "compose exec -T api serve access end-sessions"]


@pytest.mark.parametrize(("now", "option"), [(False, ""), (True, " --now")])
def test_token_is_replaced_by_the_api(lab: Lab, now: bool, option: str) -> None:
    rotate(lab.docker, "token", "backup", now=now)
    assert steps(lab) == [f"compose exec -T api serve token rotate backup{option}"]


def test_certificate_is_read_again_by_the_gateway(lab: Lab) -> None:
    rotate(lab.docker, "certificate")
    assert steps(lab) == ["restart gateway"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (lambda docker: rotate(docker, "token"), "NAME=backup"),
        (lambda docker: rotate(docker, "redis", now=True), "NOW"),
        (lambda docker: rotate(docker, "certificate", now=True), "NOW"),
    ],
)
def test_nothing_is_changed_when_something_is_missing(lab: Lab, given: Callable[..., None], says: str) -> None:
    with pytest.raises(CommandFailed, match=says):
        given(lab.docker)
    assert steps(lab) == []


def test_what_must_run_is_named(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "redis", "ws")
    with pytest.raises(CommandFailed, match="api, collector must run"):
        rotate(lab.docker, "redis")


def test_command_line_takes_it(lab: Lab) -> None:
    command_line.run(lab.docker, command_line.parser().parse_args(["rotate", "session-key", "--now"]))
    assert steps(lab)[0] == f"{MAKE} key"
