"""``restore`` of the Redis image, as its container runs it, and what a server reads afterwards."""

import os
import subprocess
from pathlib import Path

import pytest
import redis as redis_client

from contract.names import ALERT_LOG_KEY, GENERATION_KEY
from deploy.local.valkey import valkey_binary, valkey_command
from tests.drivers.ports import free_port
from tests.drivers.process import Process
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

SCRIPT = Path(__file__).parents[1] / "redis" / "bin" / "restore"


@pytest.fixture
def backup(valkey: Valkey, redis: redis_client.Redis) -> bytes:
    """A copy of a Redis with one entry in the alert log, and a generation."""
    redis.set(GENERATION_KEY, "of then")
    redis.xadd(ALERT_LOG_KEY, {"entry": "{}"})
    redis.save()
    return Path(redis.config_get("dir")["dir"], "dump.rdb").read_bytes()  # type: ignore[index]


def restored(store: Path, backup: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run the script with its folder somewhere else."""
    tools = store.parent / "bin"
    tools.mkdir(exist_ok=True)
    script = tools / "restore"
    script.write_text(SCRIPT.read_text().replace("cd /store", f"cd {store}"))
    check = tools / "valkey-check-rdb"
    if not check.exists():
        # The server looks at what it is called as.
        check.symlink_to(valkey_binary())
    environment = {"PATH": f"{tools}:{os.environ['PATH']}"}
    return subprocess.run(["sh", script], input=backup, env=environment, capture_output=True)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


def test_restored_data_are_those_of_the_backup_without_its_generation_of_sessions(store: Path, backup: bytes) -> None:
    # given
    done = restored(store, backup)
    assert done.returncode == 0, done.stderr
    # when: a server with an append-only file, as the image has it, reads them twice
    for _ in range(2):
        port = free_port()
        command = [*valkey_command(valkey_binary(), port=port, data_dir=store), "--appendonly", "yes", "--save", ""]
        server = Process("valkey", command)
        server.start()
        client = redis_client.Redis(port=port, socket_timeout=10)

        def answers(client: redis_client.Redis = client) -> bool:
            try:
                return bool(client.ping())
            except redis_client.RedisError:
                return False

        try:
            eventually(answers, within_seconds=30, what="the restored server")
            # then
            assert client.get(GENERATION_KEY) is None
            assert client.xlen(ALERT_LOG_KEY) == 1
        finally:
            client.close()
            server.stop()


def test_file_that_is_no_backup_changes_nothing(store: Path, backup: bytes) -> None:
    restored(store, backup)
    before = {path.name: path.read_bytes() for path in (store / "appendonlydir").iterdir()}
    done = restored(store, b"x")
    assert done.returncode == 1
    assert b"nothing was changed" in done.stderr
    assert {path.name: path.read_bytes() for path in (store / "appendonlydir").iterdir()} == before


def test_data_of_before_stay_until_the_next_restore(store: Path, backup: bytes) -> None:
    restored(store, backup)
    (store / "appendonlydir/mark").touch()
    restored(store, backup)
    assert (store / "before-restore/mark").exists()
    assert not (store / "appendonlydir/mark").exists()
    restored(store, backup)
    assert not (store / "before-restore/mark").exists()
