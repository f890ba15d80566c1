import asyncio
import os

import pytest

from collector.config import Config
from collector.installation_check import InstallationCheck, RedisStatus, VanishedReplicas
from collector.redis_disk import EXTRA_BYTES, SPARE_BYTES, RedisDisk
from collector.sentences.sentence import english


@pytest.fixture
def disk(monkeypatch, tmp_path):
    """Return a function that sets the free bytes for all users, and further bytes for root."""
    real = os.statvfs(tmp_path)

    def set_free(free_bytes, for_root_bytes=0, user=1000):
        values = list(real)
        values[1], values[3], values[4] = 1, free_bytes + for_root_bytes, free_bytes
        monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(values))
        monkeypatch.setattr(os, "geteuid", lambda: user)

    return set_free


def problem(folder):
    disk = RedisDisk(folder)
    asyncio.run(disk.check())
    return disk.issue and english(disk.issue)


def test_disk_is_full_when_the_next_save_does_not_fit(disk, tmp_path):
    (tmp_path / "dump.rdb").write_bytes(bytes(3_000_000))
    needed = 3_000_000 + EXTRA_BYTES

    disk(needed)
    assert "is nearly full" in problem(tmp_path)
    disk(needed - 1, for_root_bytes=10**9)
    assert problem(tmp_path) == (
        f"The disk of {tmp_path} is full: 4.0 MB are free, and Redis needs 4.0 MB to save its data. "
        "If Redis stops now, all changes since its last save are lost"
    )
    disk(needed - 1, for_root_bytes=1, user=0)
    assert "is nearly full" in problem(tmp_path)


def test_disk_is_nearly_full_when_two_more_saves_leave_too_little_space(disk, tmp_path):
    (tmp_path / "dump.rdb").write_bytes(bytes(13_000_000))
    needed = 2 * (13_000_000 + EXTRA_BYTES) + SPARE_BYTES

    disk(needed)
    assert problem(tmp_path) is None
    disk(needed - 1)
    assert problem(tmp_path) == (
        f"The disk of {tmp_path} is nearly full: 130.0 MB are free, and Redis needs 10.0 MB for each save of its data"
    )


def test_disk_is_full_when_it_has_no_free_bytes_before_the_first_save(disk, tmp_path):
    disk(0)
    assert "0.0 MB are free, and Redis needs 1.0 MB" in problem(tmp_path)


def test_disk_has_no_issue_when_it_cannot_be_read(tmp_path):
    assert problem(tmp_path / "none") is None


def test_full_disk_is_a_degradation_while_it_lasts(disk, tmp_path):
    class Redis:
        async def read_status(self):
            return RedisStatus()

        async def read_vanished_replicas(self):
            return VanishedReplicas()

    installation_check = InstallationCheck(Redis(), None, RedisDisk(tmp_path))

    def codes(free_bytes):
        disk(free_bytes)
        asyncio.run(installation_check.check())
        return [each.code for each in installation_check.degradations]

    assert codes(0) == ["redis_disk_full"]
    assert codes(SPARE_BYTES) == ["redis_disk_nearly_full"]
    assert codes(10**9) == []


def test_folder_is_that_of_the_variable_when_it_is_set(tmp_path):
    assert Config.from_environment({"COLLECTOR_REDIS_DIR": str(tmp_path)}).redis_dir == tmp_path
    assert Config.from_environment({}).redis_dir is None
