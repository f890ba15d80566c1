"""The command of Valkey's unit, run like systemd runs it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_client

from tests.drivers.ports import free_port
from tests.drivers.process import Process, python

MODULE = "deploy.local.systemd.valkey"


class Unit:
    """Valkey with its own folders and password."""

    def __init__(self, folder: Path) -> None:
        self.url = f"redis://:secret-of-this-test@127.0.0.1:{free_port()}/0"
        self.data = folder / "state"
        self.runtime = folder / "runtime"
        self.data.mkdir()
        self.runtime.mkdir()
        self.env = {
            "VALKEY_URL": self.url,
            "REDIS_URL": self.url,
            "STATE_DIRECTORY": str(self.data),
            "RUNTIME_DIRECTORY": str(self.runtime),
        }
        self.process: Process = python("valkey", MODULE, env=self.env)

    def wait(self) -> int:
        """Run the command with ``--wait``."""
        done = subprocess.run([sys.executable, "-m", MODULE, "--wait"], env=self.process.env, timeout=60)
        return done.returncode

    def client(self) -> redis_client.Redis:
        return redis_client.Redis.from_url(self.url, socket_timeout=10)


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[Unit]:
    unit = Unit(tmp_path)
    yield unit
    unit.process.kill()


def test_valkey_answers_after_the_wait_and_keeps_its_data(unit: Unit) -> None:
    # given
    unit.process.start()
    assert unit.wait() == 0
    with unit.client() as client:
        client.set("kept", "yes")
    # when
    unit.process.stop()
    unit.process.start()
    assert unit.wait() == 0
    # then
    with unit.client() as client:
        assert client.get("kept") == b"yes"
    assert (unit.data / "dump.rdb").exists()


def test_password_is_required_and_on_no_command_line(unit: Unit) -> None:
    # given
    unit.process.start()
    assert unit.wait() == 0
    # then
    command = Path("/proc", str(unit.process.pid), "cmdline").read_bytes()
    assert b"valkey-server" in command
    assert b"secret-of-this-test" not in command
    assert (unit.runtime / "access.conf").stat().st_mode & 0o077 == 0
    wrong = redis_client.Redis.from_url(unit.url.replace("secret-of-this-test", "wrong"))
    with wrong, pytest.raises(redis_client.AuthenticationError):
        wrong.ping()


def test_invalid_valkey_url_is_reported_with_its_variable() -> None:
    process = python("valkey", MODULE, env={"VALKEY_URL": "redis://127.0.0.1/0"})
    process.start()
    assert process.wait() == 2
    assert "VALKEY_URL" in process.log()


@pytest.mark.parametrize("damage", ["zeros", "end"])
def test_damaged_data_stay_unchanged_and_two_remedies_are_shown(unit: Unit, damage: str) -> None:
    # given damaged data that Valkey has saved
    unit.process.start()
    assert unit.wait() == 0
    with unit.client() as client:
        client.set("kept", "x" * 100)
    unit.process.stop()
    data = unit.data / "dump.rdb"
    content = data.read_bytes()
    damaged = bytes(len(content)) if damage == "zeros" else content[:-20]
    data.write_bytes(damaged)
    # when
    unit.process.start()
    # then
    assert unit.process.wait() == 1
    assert "sudo dispycluster restore dump.rdb" in unit.process.log()
    assert data.read_bytes() == damaged
    [aside] = re.findall(r"mv \S+ \S+", unit.process.log())
    subprocess.run(aside.split(), check=True)
    unit.process.start()
    assert unit.wait() == 0
