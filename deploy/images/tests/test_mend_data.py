"""What a power cut leaves at the end of Redis' file is cut, and nothing that Redis could have loaded."""

import json
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

SCRIPT = Path(__file__).parents[1] / "redis/bin/mend-data"
ZEROS = 4096


@pytest.fixture(scope="module", autouse=True)
def _checker() -> None:
    if not (shutil.which("redis-check-aof") or shutil.which("valkey-check-aof")):
        if os.environ.get("CI"):
            raise RuntimeError("redis-check-aof is missing")
        pytest.skip("redis-check-aof is missing")


def command(*words: bytes) -> bytes:
    """A command as Redis writes it."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


SELECT = command(b"SELECT", b"0")
SET = command(b"SET", b"cluster:alerts:latest", b'{"seq": 7}')
#: What a script of ours writes in one step.
STEP = command(b"MULTI") + SET + command(b"XADD", b"cluster:alerts:log", b"1-1", b"d", b"x" * 40) + command(b"EXEC")


class Store:
    """A folder of Redis' with an append-only file of two parts, of which the last one holds ``content``."""

    def __init__(self, folder: Path, content: bytes) -> None:
        self.folder = folder
        own = folder / "appendonlydir"
        own.mkdir()
        self.former = own / "appendonly.aof.9.incr.aof"
        self.former.write_bytes(SELECT + SET)
        self.path = own / "appendonly.aof.10.incr.aof"
        self.path.write_bytes(content)
        lines = [f"file {path.name} seq {path.name.split('.')[2]} type i\n" for path in (self.former, self.path)]
        (own / "appendonly.aof.manifest").write_text("".join(lines))

    def mend(self, *options: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "REDIS_STORE": str(self.folder)}
        done = subprocess.run([SCRIPT, *options], env=environment, capture_output=True, text=True, timeout=60)
        assert self.former.read_bytes() == SELECT + SET
        return done

    def copies(self) -> list[Path]:
        return sorted(self.folder.glob("damaged-*"))


@pytest.fixture
def whole(tmp_path: Path) -> Store:
    return Store(tmp_path, SELECT + SET + STEP)


def test_complete_file_stays_unchanged(whole: Store) -> None:
    done = whole.mend()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert whole.path.read_bytes() == SELECT + SET + STEP
    assert whole.copies() == []


@pytest.mark.parametrize("has_folder", [True, False])
def test_nothing_is_done_before_there_are_data(tmp_path: Path, has_folder: bool) -> None:
    if has_folder:
        (tmp_path / "appendonlydir").mkdir()
    done = subprocess.run([SCRIPT], env={**os.environ, "REDIS_STORE": str(tmp_path)}, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("tail", "kind"),
    [
        (bytes(ZEROS), "zeros"),
        (SET[:-1], "incomplete"),
        (SET[:30] + bytes(ZEROS), "incomplete"),
        (STEP[:-5], "incomplete"),
        (STEP[: len(command(b"MULTI") + SET)], "incomplete"),
        (STEP[:20] + bytes(ZEROS), "incomplete"),
    ],
    ids=["zeros", "command", "command, zeros", "step", "step without its end", "step, zeros"],
)
def test_damage_of_a_power_cut_is_cut_and_kept_in_a_copy(whole: Store, tail: bytes, kind: str) -> None:
    # given
    former = whole.path.read_bytes()
    whole.path.write_bytes(former + tail)
    # when
    done = whole.mend()
    # then
    assert done.returncode == 0, done.stderr
    assert f"{len(tail)} bytes were cut" in done.stdout
    assert whole.path.read_bytes() == former
    assert [copy.read_bytes() for copy in whole.copies()] == [former + tail]
    note = json.loads((whole.folder / "cut").read_text())
    assert (note["bytes"], note["kind"]) == (len(tail), kind)


@pytest.mark.parametrize(
    "content",
    [
        SELECT + b"\0\0\0\0" + SET[4:] + STEP * 3,
        SELECT + SET.replace(b"$3\r\n", b"$3333\r\n") + STEP * 3,
        SELECT + SET + bytes(ZEROS) + SET,
        SELECT + STEP.replace(b"EXEC", b"EXXC") + STEP,
        SELECT + STEP.replace(b"EXEC", b"EXXC") + SET * 50,
        SELECT + SET + b"no command",
        b"\x01" + SELECT + SET,
    ],
    ids=["zeros in the middle", "length", "hole", "end of a step", "end of a step, commands", "text", "beginning"],
)
def test_damage_in_the_middle_changes_nothing_and_the_remedies_are_printed(tmp_path: Path, content: bytes) -> None:
    store = Store(tmp_path, content)
    # when
    done = store.mend()
    # then
    assert done.returncode == 1
    assert "make restore FILE=" in done.stderr
    assert "mend-data --drop-rest" in done.stderr
    assert store.path.read_bytes() == content
    assert store.copies() == []
    # and when that is done by hand
    dropped = store.mend("--drop-rest")
    assert dropped.returncode == 0, dropped.stderr
    assert content.startswith(store.path.read_bytes())
    assert [copy.read_bytes() for copy in store.copies()] == [content]
    assert store.mend().returncode == 0


@pytest.mark.parametrize("part", ["base", "manifest"])
@pytest.mark.parametrize("damage", ["zeros", "end", "empty"])
def test_damage_of_other_files_changes_nothing_and_the_remedies_are_printed(
    server: Valkey, tmp_path: Path, part: str, damage: str
) -> None:
    # given data of a server that has written its base anew
    options = ("--appendonly", "yes", "--save", "")
    server.start(tmp_path, *options)
    with server.client() as client:
        client.set("kept", "x" * 100)
        client.bgrewriteaof()
        eventually(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0, within_seconds=60)
    server.stop()
    environment = {**os.environ, "REDIS_STORE": str(tmp_path)}
    done = subprocess.run([SCRIPT], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    # when
    [path] = (tmp_path / "appendonlydir").glob("*.base.rdb" if part == "base" else "*.manifest")
    content = path.read_bytes()
    damaged = {"zeros": bytes(len(content)), "end": content[:3], "empty": b""}[damage]
    path.write_bytes(damaged)
    done = subprocess.run([SCRIPT], env=environment, capture_output=True, text=True)
    # then
    assert done.returncode == 1
    assert f"{path} is damaged" in done.stderr
    assert "make restore FILE=" in done.stderr
    assert "redis mv appendonlydir damaged-$(date" in done.stderr
    assert path.read_bytes() == damaged


def test_copies_go_the_oldest_first_when_they_take_half_of_the_free_space(whole: Store, tmp_path: Path) -> None:
    # given a disk with 100 KiB free, and copies of 20 KiB each
    df = tmp_path / "bin/df"
    df.parent.mkdir()
    df.write_text("#!/bin/sh\necho head\necho disk 1000 900 100 90% /store\n")
    df.chmod(0o755)
    for day in (1, 2, 3):
        (whole.folder / f"damaged-2026010{day}T000000Z.aof").write_bytes(bytes(20 * 1024))
    whole.path.write_bytes(whole.path.read_bytes() + bytes(ZEROS))
    # when
    environment = {"PATH": f"{df.parent}:{os.environ['PATH']}", "REDIS_STORE": str(whole.folder)}
    subprocess.run([SCRIPT], env=environment, check=True)
    # then
    names = [copy.name for copy in whole.copies()]
    assert names[:2] == ["damaged-20260102T000000Z.aof", "damaged-20260103T000000Z.aof"]
    assert len(names) == 3


words = st.lists(st.binary(max_size=60), min_size=1, max_size=4).map(lambda parts: [b"SET", *parts])
steps = st.lists(words, min_size=1, max_size=4).map(
    lambda parts: command(b"MULTI") + b"".join(command(*part) for part in parts) + command(b"EXEC")
)
units = st.one_of(words.map(lambda part: command(*part)), steps)


@settings(max_examples=60, deadline=None)
@given(st.lists(units, min_size=1, max_size=5), st.data())
def test_cut_takes_no_command_that_was_whole(written: list[bytes], data: st.DataObject) -> None:
    content = SELECT + b"".join(written)
    end = data.draw(st.integers(len(SELECT), len(content)), "length after the power cut")
    zeros = data.draw(st.sampled_from([0, 1, ZEROS]), "zeros")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), content[:end] + bytes(zeros))
        done = store.mend()
        after = store.path.read_bytes()
    whole = SELECT
    for unit in written:
        if len(whole) + len(unit) > end:
            break
        whole += unit
    if done.returncode == 0:
        assert after == whole
    else:
        # Only where the bytes of a value look like commands
        assert after == content[:end] + bytes(zeros)
        assert b"\r\n" in content[len(whole) : end]


@settings(max_examples=60, deadline=None)
@given(st.lists(units, min_size=2, max_size=6), st.data())
def test_damage_anywhere_costs_no_more_than_the_last_command(written: list[bytes], data: st.DataObject) -> None:
    content = SELECT + b"".join(written)
    place = data.draw(st.integers(0, len(content) - 1), "place")
    damaged = bytearray(content)
    damaged[place] = data.draw(st.integers(0, 255), "byte")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), bytes(damaged))
        store.mend()
        after = store.path.read_bytes()
    assert damaged.startswith(after)
    assert len(after) >= len(content) - len(written[-1])


@pytest.fixture
def server() -> Iterator[Valkey]:
    valkey = Valkey()
    yield valkey
    valkey.stop()


def test_redis_loads_all_data_written_before_a_power_cut(server: Valkey, tmp_path: Path) -> None:
    # given a server that wrote, and whose file has zeros at its end
    # Without fsync, Redis writes every command before its reply; an fsync under way would postpone the write.
    options = ("--appendonly", "yes", "--appendfsync", "no", "--aof-load-truncated", "no", "--save", "")
    server.start(tmp_path, *options)
    with server.client() as client:
        for number in range(200):
            client.set(f"key{number}", random.randbytes(50))
    server.stop()
    [path] = (tmp_path / "appendonlydir").glob("*.incr.aof")
    with path.open("ab") as file:
        file.write(bytes(ZEROS))
    # when
    subprocess.run([SCRIPT], env={**os.environ, "REDIS_STORE": str(tmp_path)}, check=True)
    # then
    server.start(tmp_path, *options)
    with server.client() as client:
        assert client.dbsize() == 200
