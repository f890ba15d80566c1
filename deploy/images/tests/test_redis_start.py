"""Redis is not started with a setting that it would refuse in its own words."""

import os
import subprocess
from pathlib import Path

import pytest

START = Path(__file__).parents[1] / "redis/bin/start"


def started(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script with programs that do nothing in the place of Redis and those beside it."""
    for name in ("valkey-server", "guard-disk", "keep-functions", "guard-scripts", "mend-data", "tell-cut"):
        program = folder / name
        program.write_text('#!/bin/sh\ncase $0 in *server) echo "$@" ;; esac\n')
        program.chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", **variables}
    return subprocess.run(["sh", START], env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("memory", ["lots", "512xy", "1.5gb", "-1", "5 mb", "mb"])
def test_invalid_memory_is_refused_with_its_setting(tmp_path: Path, memory: str) -> None:
    done = started(tmp_path, REDIS_MAXMEMORY=memory)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"redis: REDIS_MAXMEMORY={memory} is not an amount of memory")


def test_invalid_appendfsync_is_refused_with_its_setting(tmp_path: Path) -> None:
    done = started(tmp_path, REDIS_APPENDFSYNC="sometimes")
    assert (done.returncode, done.stdout) == (1, "")
    assert "REDIS_APPENDFSYNC=sometimes" in done.stderr


def test_all_invalid_settings_are_reported_together(tmp_path: Path) -> None:
    done = started(tmp_path, REDIS_MAXMEMORY="lots", REDIS_APPENDFSYNC="sometimes")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize("memory", ["", "0", "1024", "512mb", "1GB", "2g", "100k", "7b"])
def test_memory_is_handed_on(tmp_path: Path, memory: str) -> None:
    done = started(tmp_path, REDIS_MAXMEMORY=memory)
    assert done.returncode == 0, done.stderr
    assert f"--maxmemory {memory or '512mb'} --appendfsync no" in done.stdout
