import asyncio
import os

import pytest

from collector.alerts.rules import RulesFile
from collector.config import Config
from collector.fleet import Fleet
from collector.polling import Polling
from collector.redis_disk import ROOM_BYTES, RedisDisk
from collector.targets.dns import DnsTargets
from collector.targets.files import TargetsFiles
from collector.targets.sources import TargetSources
from collector.texts.sentence import english


@pytest.fixture
def disk(monkeypatch, tmp_path):
    """Sets how many bytes are free for everybody, and for root besides."""
    real = os.statvfs(tmp_path)

    def set_free(free_bytes, for_root_bytes=0, user=1000):
        values = list(real)
        values[1], values[3], values[4] = 1, free_bytes + for_root_bytes, free_bytes
        monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(values))
        monkeypatch.setattr(os, "geteuid", lambda: user)

    return set_free


def problem(folder):
    disk = RedisDisk(folder)
    asyncio.run(disk.refresh())
    return disk.problem and english(disk.problem)


def test_disk_is_full_when_the_next_save_has_no_room_beside_the_last(disk, tmp_path):
    (tmp_path / "dump.rdb").write_bytes(bytes(3_000_000))
    needed = 3_000_000 + ROOM_BYTES

    disk(needed)
    assert problem(tmp_path) is None
    disk(needed - 1, for_root_bytes=10**9)
    assert problem(tmp_path) == (
        f"The disk of {tmp_path} is full: 4.0 MB are free, and Redis needs 4.0 MB to save its data. "
        "What it holds since its last save is lost when it ends"
    )
    disk(needed - 1, for_root_bytes=1, user=0)
    assert problem(tmp_path) is None


def test_disk_is_full_when_nothing_is_free_and_nothing_was_saved_yet(disk, tmp_path):
    disk(0)
    assert "0.0 MB are free, and Redis needs 1.0 MB" in problem(tmp_path)


def test_disk_says_nothing_when_it_cannot_be_read(tmp_path):
    assert problem(tmp_path / "none") is None


def test_fleet_tells_the_problem_first_for_as_long_as_it_lasts(disk, tmp_path):
    broken = tmp_path / "nodes.yaml"
    broken.write_text("workers: {")

    async def problems(free_bytes):
        disk(free_bytes)
        await fleet.refresh()
        return list(fleet.state(RulesFile(None)).problems)

    sources = TargetSources(TargetsFiles([broken]), DnsTargets((), 2.0))
    fleet = Fleet(Polling(lambda _: None, interval_seconds=2.0), sources, RedisDisk(tmp_path))
    first, *others = asyncio.run(problems(0))
    assert english(first).startswith(f"The disk of {tmp_path} is full")
    assert asyncio.run(problems(10**9)) == others != []


def test_folder_is_that_of_the_variable_when_it_is_set(tmp_path):
    assert Config.from_environment({"COLLECTOR_REDIS_DIR": str(tmp_path)}).redis_dir == tmp_path
    assert Config.from_environment({}).redis_dir is None
