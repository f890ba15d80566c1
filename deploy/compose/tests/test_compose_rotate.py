"""Rotation of secrets while the product runs."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.compose import __main__ as command_line
from deploy.compose import rotate as module
from deploy.compose.rotate import rotate
from deploy.compose.terminal import CommandFailed
from tests.drivers.compose_lab import ComposeLab
from tests.drivers.scripted_docker import config

MAKE = "compose run --rm --no-deps -T secrets make-secrets"
LOAD = "compose exec -T redis operator acl load"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ComposeLab:
    """The product runs; a restart appears among docker's calls."""
    made = ComposeLab(tmp_path, "redis", "api", "ws", "ws", "collector", "gateway")
    made.docker.script(LOAD, "OK\n")
    monkeypatch.setattr(module, "restart", lambda docker, service: docker.calls.append(f"restart {service}"))
    return made


def steps(lab: ComposeLab) -> list[str]:
    return [call for call in lab.docker.calls if call.startswith(("compose run", "compose exec", "restart"))]


def test_rotate_redis_keeps_two_passwords_while_the_services_restart(lab: ComposeLab) -> None:
    rotate(lab.docker, "redis")
    restarts = ["restart api", "restart ws", "restart collector"]
    assert steps(lab) == [f"{MAKE} next", LOAD, f"{MAKE} use", *restarts, f"{MAKE} end", LOAD]


def test_rotate_redis_keeps_the_previous_passwords_when_a_service_does_not_restart(
    lab: ComposeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise CommandFailed("ws does not become healthy")

    monkeypatch.setattr(module, "restart", fail)
    with pytest.raises(CommandFailed, match="healthy"):
        rotate(lab.docker, "redis")
    assert f"{MAKE} end" not in lab.docker.calls


def test_rotate_redis_restarts_no_service_when_redis_refuses_the_passwords(lab: ComposeLab) -> None:
    lab.docker.script(LOAD, "NOPERM User operator has no permissions to run the 'acl|load' command\n")
    with pytest.raises(CommandFailed, match="NOPERM"):
        rotate(lab.docker, "redis")
    assert steps(lab) == [f"{MAKE} next", LOAD]


def test_rotate_redis_fails_when_the_redis_is_not_ours(lab: ComposeLab) -> None:
    lab.docker.configure(config(collector={"environment": {"REDIS_URL": "redis://redis.lan:6379/0"}}))
    with pytest.raises(CommandFailed, match="your own Redis"):
        rotate(lab.docker, "redis")
    assert steps(lab) == []


def test_rotate_session_key_keeps_the_previous_key_for_the_length_of_a_session(lab: ComposeLab) -> None:
    lab.docker.configure(config(api={"environment": {"ACCESS_SESSION_SECONDS": "3600"}}))
    rotate(lab.docker, "session-key")
    [call] = steps(lab)
    until, begins = map(int, re.fullmatch(rf"{MAKE} key (\d+) (\d+)", call).groups())  # type: ignore[union-attr]
    assert until - begins == 3600
    assert 0 < begins - time.time() <= module.SETTLE_SECONDS + 1


def test_rotate_session_key_now_ends_all_sessions(lab: ComposeLab) -> None:
    rotate(lab.docker, "session-key", now=True)
    assert steps(lab) == [f"{MAKE} key", "compose exec -T api serve access end-sessions"]


@pytest.mark.parametrize(("now", "option"), [(False, ""), (True, " --now")])
def test_rotate_token_runs_in_the_api(lab: ComposeLab, now: bool, option: str) -> None:
    rotate(lab.docker, "token", "backup", now=now)
    assert steps(lab) == [f"compose exec -T api serve token rotate backup{option}"]


def test_rotate_certificate_restarts_the_gateway(lab: ComposeLab) -> None:
    rotate(lab.docker, "certificate")
    assert steps(lab) == ["restart gateway"]


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda docker: rotate(docker, "token"), "NAME=backup"),
        (lambda docker: rotate(docker, "redis", now=True), "NOW"),
        (lambda docker: rotate(docker, "certificate", now=True), "NOW"),
    ],
)
def test_rotate_changes_nothing_when_an_argument_is_wrong(
    lab: ComposeLab, attempt: Callable[..., None], message: str
) -> None:
    with pytest.raises(CommandFailed, match=message):
        attempt(lab.docker)
    assert steps(lab) == []


def test_rotate_names_the_services_that_must_run(tmp_path: Path) -> None:
    lab = ComposeLab(tmp_path, "redis", "ws")
    with pytest.raises(CommandFailed, match="api, collector must run"):
        rotate(lab.docker, "redis")


def test_rotate_runs_from_the_command_line(lab: ComposeLab) -> None:
    command_line.run(lab.docker, command_line.argument_parser().parse_args(["rotate", "session-key", "--now"]))
    assert steps(lab)[0] == f"{MAKE} key"
