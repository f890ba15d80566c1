"""``make restore-local`` restores the data of a copy, but no sessions."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import psutil
import pytest
import redis as redis_client

from access.scripts import REVOKE, revoke_call
from access.tokens import StoredToken
from contract.names import ALERT_LOG_KEY, GENERATION_KEY
from deploy.local.data_dir import DataDir, access_dir
from deploy.local.restore import DUMP, REPLACED_DUMP
from deploy.local.supervisor import STOP_SIGNALS
from runtime.functions import call as call_function
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

ROOT = Path(__file__).parents[3]


def call(copy: Path, data_dir: Path, *options: str, answer: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "VALKEY_DATA")}
    return subprocess.run(
        [sys.executable, "-m", "deploy.local.restore", str(copy), *options],
        cwd=ROOT,
        env={**environment, "DATA_DIR": str(data_dir), **more},
        input=answer,
        capture_output=True,
        text=True,
        timeout=120,
    )


def saved(redis: redis_client.Redis) -> bytes:
    redis.save()
    return Path(redis.config_get("dir")["dir"], DUMP).read_bytes()  # type: ignore[index]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "valkey").mkdir(parents=True)
    return folder


def test_copy_replaces_the_data_and_ends_all_sessions(
    data_dir: Path, valkey: Valkey, redis: redis_client.Redis, tmp_path: Path
) -> None:
    # given: a copy, and a token that was revoked later and still has its file
    redis.set(GENERATION_KEY, "of then")
    redis.xadd(ALERT_LOG_KEY, {"entry": "{}"})
    copy = tmp_path / "copy.rdb"
    copy.write_bytes(saved(redis))
    tokens = access_dir(data_dir)
    tokens.make()
    stored = StoredToken(sha256="ab" * 32, scopes=("read",), created=1.0)
    (tokens.tokens / "script").write_bytes(msgspec.json.encode(stored))
    call_function(redis, REVOKE, revoke_call("token:" + "ab" * 8, 4e9, 1e9))
    redis.delete(ALERT_LOG_KEY)
    now = saved(redis)
    (data_dir / "valkey" / DUMP).write_bytes(now)
    # when the question gets no answer, then nothing is changed, and the token is listed first
    for refused in (call(copy, data_dir), call(copy, data_dir, answer="no\n")):
        assert refused.returncode == 1
        assert "token script" in refused.stderr
        assert " UTC to now (0 min) will be missing." in refused.stderr
        assert (data_dir / "valkey" / DUMP).read_bytes() == now
    # when the answer is yes, and the replaced data of another restore exist
    (data_dir / "valkey" / REPLACED_DUMP.format("20260101T000000Z")).write_bytes(b"older")
    done = call(copy, data_dir, answer="yes\n")
    # then
    assert done.returncode == 0, done.stderr
    [replaced] = (data_dir / "valkey").glob(REPLACED_DUMP.format("*"))
    assert replaced.read_bytes() == now
    assert (data_dir / "valkey" / DUMP).stat().st_mode & 0o077 == 0
    again = Valkey()
    again.start(data_dir / "valkey")
    try:
        client = again.client()
        assert client.get(GENERATION_KEY) is None
        assert client.xlen(ALERT_LOG_KEY) == 1
        client.close()
    finally:
        again.stop()


def test_restore_changes_nothing_when_the_product_runs_or_the_file_is_not_a_copy(
    data_dir: Path, tmp_path: Path
) -> None:
    present = data_dir / "valkey" / DUMP
    bad = tmp_path / "bad.rdb"
    bad.write_bytes(b"x")
    done = call(bad, data_dir)
    assert (done.returncode, present.exists()) == (1, False)
    assert "nothing was changed" in done.stderr
    with DataDir(data_dir):
        done = call(bad, data_dir)
    assert done.returncode == 1
    assert "already runs" in done.stderr
    assert call(tmp_path / "missing.rdb", data_dir).returncode == 1
    done = call(bad, data_dir, "--yes", REDIS_URL="redis://redis.lan")
    assert done.returncode == 1
    assert "Redis of your own" in done.stderr


@pytest.mark.parametrize("cut", [0, 7, -20])
def test_copy_replaces_data_that_cannot_be_read(
    data_dir: Path, valkey: Valkey, redis: redis_client.Redis, tmp_path: Path, cut: int
) -> None:
    redis.xadd(ALERT_LOG_KEY, {"entry": "{}"})
    copy = tmp_path / "copy.rdb"
    copy.write_bytes(saved(redis))
    (data_dir / "valkey" / DUMP).write_bytes(copy.read_bytes()[:cut] or b"damaged")
    done = call(copy, data_dir, "--yes")
    assert done.returncode == 0, done.stderr
    assert "cannot be listed" in done.stderr
    assert (data_dir / "valkey" / DUMP).read_bytes().startswith(copy.read_bytes()[:5])


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_restore_leaves_no_file_when_a_signal_comes(
    data_dir: Path, valkey: Valkey, redis: redis_client.Redis, tmp_path: Path, number: signal.Signals
) -> None:
    # given: a restore that has started its temporary Valkey
    present = data_dir / "valkey" / DUMP
    present.write_bytes(saved(redis))
    before = present.read_bytes()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "DATA_DIR": str(data_dir), "TMPDIR": str(temporary)}
    for name in ("REDIS_URL", "VALKEY_DATA"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "deploy.local.restore", str(present), "--yes"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)
    valkeys = eventually(lambda: psutil.Process(process.pid).children(), within_seconds=60)
    # when
    process.send_signal(number)
    # then
    _, output = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, b"Nothing was changed.\n")
    assert not any(valkey.is_running() for valkey in valkeys)
    assert list(temporary.iterdir()) == []
    assert present.read_bytes() == before
