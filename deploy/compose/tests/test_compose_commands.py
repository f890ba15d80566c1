"""The commands as they are called, and what they need to run."""

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deploy.compose import __main__ as command_line
from deploy.compose.dialogue import ROOT, CommandFailed, call
from deploy.compose.distribution import files
from deploy.compose.docker import Answer, Docker
from tests.drivers.scripted_docker import ScriptedDocker
from tests.drivers.waiting import eventually

MODULES = [path for path in files(ROOT) if path.suffix == ".py"]


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_module_is_readable_by_python_3_9_and_needs_nothing_but_it(path: Path) -> None:
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


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    # when
    with pytest.raises(SystemExit):
        command_line.parser().parse_args(["--help"])
    # then
    said = capsys.readouterr().out
    commands = ["up", "down", "purge", "logs", "ps", "backup", "restore", "upgrade", "bundle", "push"]
    for command in commands:
        assert f"\n    {command} " in said
        with pytest.raises(SystemExit) as end:
            command_line.parser().parse_args([command, "--help"])
        assert end.value.code == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["logs"], "compose --profile * logs --follow --tail 100"),
        (["logs", "ws"], "compose --profile * logs --follow --tail 100 ws"),
        (["ps"], "compose --profile * ps --all"),
    ],
)
def test_command_is_passed_on_for_every_profile(tmp_path: Path, words: list[str], expected: str) -> None:
    docker = ScriptedDocker(tmp_path)
    command_line.run(docker, command_line.parser().parse_args(words))
    assert docker.calls[-1] == expected


def test_trouble_is_a_sentence_and_exit_code_1(
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
    def interrupted(_: str) -> Answer:
        raise KeyboardInterrupt

    docker = ScriptedDocker(tmp_path)
    docker.react("version", interrupted)
    monkeypatch.setattr(command_line, "Docker", lambda *_: docker)
    monkeypatch.setattr(sys, "argv", ["compose", "down"])
    # then
    assert command_line.main() == 130
    assert "interrupted" in capsys.readouterr().out


def test_calls_are_named_as_they_work_here_and_in_a_bundle(tmp_path: Path) -> None:
    assert call("restore", "FILE=a.rdb", root=ROOT) == "make restore FILE=a.rdb"
    assert call("restore", "FILE=a.rdb", root=tmp_path) == "python3 -m deploy.compose restore a.rdb"
    assert call("up", root=tmp_path) == "python3 -m deploy.compose up"


@pytest.fixture
def real(tmp_path: Path) -> Docker:
    """The real class with a docker command that does what a test wrote into it."""
    return Docker(tmp_path, {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GIVEN": "1"})


def become(docker: Docker, script: str) -> None:
    path = docker.folder / "docker"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_docker_is_run_in_the_folder_with_its_variables(real: Docker) -> None:
    # given
    become(real, 'echo "$PWD $GIVEN $MORE $*"; echo complaint >&2; exit 3')
    # when
    answer = real.with_variables(MORE="2").ask("compose", "ps")
    # then
    assert answer == Answer(3, f"{real.folder} 1 2 compose ps\n", "complaint\n")
    assert real.is_installed()
    with pytest.raises(CommandFailed, match="it failed:\ncomplaint"):
        real.tell("ps", failure="it failed")


def test_docker_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    docker = Docker(tmp_path, {"PATH": str(tmp_path)})
    assert not docker.is_installed()
    with pytest.raises(CommandFailed, match="not installed"):
        docker.ask("version")


def test_docker_passes_bytes_through(real: Docker, tmp_path: Path) -> None:
    # given
    become(real, "cat >taken; head -c 300000 /dev/zero")
    (tmp_path / "given").write_bytes(b"\xff\x00data")
    # when
    with (tmp_path / "given").open("rb") as given:
        real.tell("compose", "run", source=given, failure="no")
    with (tmp_path / "sink").open("wb") as sink:
        real.receive(sink, "save", failure="no")
    # then
    assert (tmp_path / "sink").stat().st_size == 300_000
    assert (tmp_path / "taken").read_bytes() == b""  # of the second call; the first one took what was given


def test_last_words_leave_progress_out() -> None:
    said = " Container lab-ws-1  Starting\n Container lab-ws-1  Started\ncontainer lab-ws-1 is unhealthy\n"
    assert Answer(1, "", said).last_words() == "container lab-ws-1 is unhealthy"
    assert Answer(1, "", " Network lab_edge Created\n").last_words() == "Network lab_edge Created"
    assert "exit code 7" in Answer(7).last_words()


def test_interrupted_command_waits_for_docker_to_end_cleanly(real: Docker) -> None:
    # given
    become(real, "trap 'sleep 0.3; echo cleaned >ended; exit 130' INT; echo >started; while :; do sleep 0.05; done")
    code = (
        "from pathlib import Path; from deploy.compose.docker import Docker; "
        f"Docker(Path({str(real.folder)!r}), {real.variables!r}).ask('x')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        # Shells have what they run in the background ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    eventually((real.folder / "started").exists, what="docker started")
    # It was awake as soon as docker ran, and sleeps again once it waits for it.
    eventually(lambda: psutil.Process(process.pid).status() == psutil.STATUS_SLEEPING, what="docker waited for")
    # when
    os.killpg(process.pid, signal.SIGINT)
    process.wait(60)
    # then
    assert (real.folder / "ended").read_text() == "cleaned\n"
