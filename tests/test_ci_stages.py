"""The stages of ``.ci/run`` run in parallel, and a failure is reported immediately."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.drivers.process import ROOT
from tests.drivers.waiting import eventually


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """A command with stages that wait for each other, fail, or run forever. Its first argument names the stage."""
    command = tmp_path / "run"
    command.write_text(
        f"""#!/bin/sh
        cd {tmp_path}
        meet() {{ echo "$1 is here"; touch "$1"; until [ -e "$2" ]; do sleep 0.05; done; }}
        case $1 in
          left) meet left right;;
          right) meet right left;;
          last) echo "last: $(ls)";;
          broken) until [ -s endless ]; do sleep 0.05; done; echo "this is broken"; exit 7;;
          endless) sh -c 'trap "" TERM; echo $$ > endless; while true; do sleep 0.1; done' & wait;;
        esac
        """
    )
    command.chmod(0o755)
    return command


def run(command: Path, *stages: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, ".ci/stages.py", str(command), *stages]
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_stages_run_in_parallel_and_wait_for_the_stages_before_them(command: Path) -> None:
    # when
    done = run(command, "left", "right", "last: left right")
    # then
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left is here" in done.stdout
    assert "last: left\nright\n" in done.stdout
    assert done.stdout.rstrip().endswith("total")


def test_failure_of_a_stage_is_reported_immediately_and_stops_the_others(command: Path, tmp_path: Path) -> None:
    # when
    done = run(command, "endless", "broken", "last: endless")
    # then
    assert done.returncode == 1
    assert "broken FAILED with 7" in done.stdout
    assert "this is broken" in done.stdout
    pid = int((tmp_path / "endless").read_text())
    eventually(
        lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, what="its end"
    )
    assert "last starts" not in done.stdout


def test_stages_that_wait_for_each_other_are_refused(command: Path) -> None:
    done = run(command, "left: right", "right: left")
    assert done.returncode == 1
    assert "wait for each other" in done.stdout


def test_stage_that_waits_for_an_unknown_stage_is_refused(command: Path) -> None:
    done = run(command, "left: rigth")
    assert done.returncode != 0
    assert done.stderr == "stages.py: no stage is called rigth\n"
