"""The command line, and the requirements of the commands."""

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deploy.compose import __main__ as command_line
from deploy.compose.distribution import bundled_files
from deploy.compose.docker import Docker, DockerResult
from deploy.compose.terminal import ROOT, CommandFailed, user_command
from tests.drivers.scripted_docker import ScriptedDocker
from tests.drivers.waiting import eventually

MODULES = [path for path in bundled_files(ROOT) if path.suffix == ".py"]


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_module_needs_only_python_3_9_and_its_standard_library(path: Path) -> None:
    # given
    tree = ast.parse((ROOT / path).read_text(), feature_version=(3, 9))
    own = {str(module.with_suffix("")).replace("/", ".").removesuffix(".__init__") for module in MODULES}
    # then
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert {alias.name.partition(".")[0] for alias in node.names} <= sys.stdlib_module_names
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            assert module in own or module.partition(".")[0] in sys.stdlib_module_names, module


def test_every_command_has_a_help_text(capsys: pytest.CaptureFixture[str]) -> None:
    # when
    with pytest.raises(SystemExit):
        command_line.argument_parser().parse_args(["--help"])
    # then
    output = capsys.readouterr().out
    commands = ["up", "down", "purge", "logs", "ps", "backup", "restore", "upgrade", "bundle", "push"]
    for command in commands:
        assert f"\n    {command} " in output
        with pytest.raises(SystemExit) as end:
            command_line.argument_parser().parse_args([command, "--help"])
        assert end.value.code == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["logs"], "compose --profile * logs --follow --tail 100"),
        (["logs", "ws"], "compose --profile * logs --follow --tail 100 ws"),
        (["ps"], "compose --profile * ps --all"),
    ],
)
def test_logs_and_ps_include_all_profiles(tmp_path: Path, words: list[str], expected: str) -> None:
    docker = ScriptedDocker(tmp_path)
    command_line.run(docker, command_line.argument_parser().parse_args(words))
    assert docker.calls[-1] == expected


def test_failure_is_a_message_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    monkeypatch.setattr(command_line, "Docker", lambda *_: ScriptedDocker(tmp_path, installed=False))
    monkeypatch.setattr(sys, "argv", ["compose", "up"])
    # then
    assert command_line.main() == 1
    assert capsys.readouterr().err.startswith("up: The docker command is not installed")


def test_interrupt_is_exit_code_130(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    def interrupted(_: str) -> DockerResult:
        raise KeyboardInterrupt

    docker = ScriptedDocker(tmp_path)
    docker.react("version", interrupted)
    monkeypatch.setattr(command_line, "Docker", lambda *_: docker)
    monkeypatch.setattr(sys, "argv", ["compose", "down"])
    # then
    assert command_line.main() == 130
    assert "interrupted" in capsys.readouterr().out


def test_user_command_works_here_and_in_a_bundle(tmp_path: Path) -> None:
    assert user_command("restore", "FILE=a.rdb", root=ROOT) == "make restore FILE=a.rdb"
    assert user_command("restore", "FILE=a.rdb", root=tmp_path) == "python3 -m deploy.compose restore a.rdb"
    assert user_command("up", root=tmp_path) == "python3 -m deploy.compose up"


@pytest.fixture
def real(tmp_path: Path) -> Docker:
    """The real class; the test writes the docker command."""
    return Docker(tmp_path, {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GIVEN": "1"})


def write_command(docker: Docker, script: str) -> None:
    path = docker.folder / "docker"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_docker_runs_in_the_folder_with_its_variables(real: Docker) -> None:
    # given
    write_command(real, 'echo "$PWD $GIVEN $MORE $*"; echo complaint >&2; exit 3')
    # when
    answer = real.with_variables(MORE="2").run("compose", "ps")
    # then
    assert answer == DockerResult(3, f"{real.folder} 1 2 compose ps\n", "complaint\n")
    assert real.is_installed()
    with pytest.raises(CommandFailed, match="it failed:\ncomplaint"):
        real.run_checked("ps", failure="it failed")


def test_missing_docker_is_an_error_message(tmp_path: Path) -> None:
    docker = Docker(tmp_path, {"PATH": str(tmp_path)})
    assert not docker.is_installed()
    with pytest.raises(CommandFailed, match="not installed"):
        docker.run("version")


def test_docker_passes_bytes_through(real: Docker, tmp_path: Path) -> None:
    # given
    write_command(real, "cat >received; head -c 300000 /dev/zero")
    (tmp_path / "given").write_bytes(b"\xff\x00data")
    # when
    with (tmp_path / "given").open("rb") as given:
        real.run_checked("compose", "run", source=given, failure="no")
    with (tmp_path / "sink").open("wb") as sink:
        real.run_into(sink, "save", failure="no")
    # then
    assert (tmp_path / "sink").stat().st_size == 300_000
    assert (tmp_path / "received").read_bytes() == b""  # the second call has no input


def test_last_lines_leave_out_progress() -> None:
    error = " Container lab-ws-1  Starting\n Container lab-ws-1  Started\ncontainer lab-ws-1 is unhealthy\n"
    assert DockerResult(1, "", error).last_lines() == "container lab-ws-1 is unhealthy"
    assert DockerResult(1, "", " Network lab_edge Created\n").last_lines() == "Network lab_edge Created"
    assert "exit code 7" in DockerResult(7).last_lines()


def test_interrupted_command_waits_until_docker_has_stopped(real: Docker) -> None:
    # given
    write_command(
        real, "trap 'sleep 0.3; echo cleaned >ended; exit 130' INT; echo >started; while :; do sleep 0.05; done"
    )
    code = (
        "from pathlib import Path; from deploy.compose.docker import Docker; "
        f"Docker(Path({str(real.folder)!r}), {real.variables!r}).run('x')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        # A shell makes its background processes ignore SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    eventually((real.folder / "started").exists, what="docker started")
    # The process sleeps again when it waits for docker.
    eventually(lambda: psutil.Process(process.pid).status() == psutil.STATUS_SLEEPING, what="docker waited for")
    # when
    os.killpg(process.pid, signal.SIGINT)
    process.wait(60)
    # then
    assert (real.folder / "ended").read_text() == "cleaned\n"
