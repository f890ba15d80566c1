"""By which clock Redis writes its log, and when it was backed up."""

import os
import subprocess
import time
from pathlib import Path

from tests.drivers.waiting import eventually

BIN = Path(__file__).parents[1] / "redis" / "bin"
REPLIES = """case $* in
  *bgsave*) echo started ;;
  *info*) echo rdb_bgsave_in_progress:0; echo rdb_last_bgsave_status:ok ;;
esac"""


def stand_in(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def run(folder: Path, script: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", **variables}
    return subprocess.run(["sh", script], env=environment, capture_output=True, text=True, timeout=60)


def test_redis_logs_in_utc_in_any_time_zone(tmp_path: Path) -> None:
    stand_in(tmp_path, "valkey-server", "date +%z")
    for name in ("guard-disk", "keep-functions", "guard-scripts", "mend-data", "tell-cut"):
        stand_in(tmp_path, name, "exit")

    assert run(tmp_path, BIN / "start", TZ="Asia/Tokyo").stdout == "+0000\n"


def test_backup_notes_when_it_was_made(tmp_path: Path) -> None:
    stand_in(tmp_path, "operator", f'echo "$*" >>{tmp_path}/said\n{REPLIES}')
    (tmp_path / "dump.rdb").write_text("data")
    (tmp_path / "backup").write_text((BIN / "backup").read_text().replace("/store", str(tmp_path)))
    before = int(time.time())

    done = run(tmp_path, tmp_path / "backup")

    assert (done.returncode, done.stdout) == (0, "data"), done.stderr
    *_, noted = (tmp_path / "said").read_text().splitlines()
    word, key, moment = noted.split()
    assert (word, key) == ("set", "cluster:backup")
    assert before <= int(moment) <= time.time()


def test_second_simultaneous_backup_is_refused_and_does_not_disturb_the_first(tmp_path: Path) -> None:
    stand_in(tmp_path, "operator", REPLIES)
    (tmp_path / "dump.rdb").write_text("data")
    (tmp_path / "backup").write_text((BIN / "backup").read_text().replace("/store", str(tmp_path)))
    with subprocess.Popen(["flock", tmp_path / "backup.lock", "cat"], stdin=subprocess.PIPE) as first:
        eventually(lambda: (tmp_path / "backup.lock").exists())
        eventually(lambda: run(tmp_path, tmp_path / "backup").returncode == 1, what="the lock is taken")
        second = run(tmp_path, tmp_path / "backup")
        assert "another backup is running" in second.stderr
        first.communicate()
    (tmp_path / "dump.rdb").write_text("data")
    assert run(tmp_path, tmp_path / "backup").stdout == "data"
    assert list(tmp_path.glob("*.rdb")) == []
