"""A folder of files is what it is now."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from access.credential_folder import CHECK_SECONDS, FILE_LIMIT_BYTES, NAME, CredentialFolder


class Content(msgspec.Struct):
    number: int


class Watched:
    """A folder that is looked at whenever somebody asks."""

    def __init__(self, path: Path | None) -> None:
        self.now = 0.0
        self.folder = CredentialFolder(path, "thing", Content, lambda: self.now)

    def numbers(self) -> dict[str, int]:
        self.now += CHECK_SECONDS
        return {name: content.number for name, content in self.folder.files().items()}


def put(path: Path, content: str) -> None:
    path.with_name("." + path.name).write_text(content)
    path.with_name("." + path.name).rename(path)


def test_files_are_read_again_when_they_change_and_not_otherwise(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    assert watched.numbers() == {}
    put(tmp_path / "a", '{"number":1}')
    assert watched.numbers() == {"a": 1}
    same = watched.folder.files()
    watched.numbers()
    assert watched.folder.files() is same
    put(tmp_path / "a", '{"number":2}')
    assert watched.folder.files() is same  # looked at a moment ago
    assert watched.numbers() == {"a": 2}
    put(tmp_path / "b", '{"number":3}')
    (tmp_path / "a").unlink()
    assert watched.numbers() == {"b": 3}


def test_thread_that_reads_slowly_brings_nothing_old_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a thread that has seen one file, and is slow to read it
    folder = CredentialFolder(tmp_path, "thing", Content)
    put(tmp_path / "a", '{"number":1}')
    is_reading, goes_on, read = threading.Event(), threading.Event(), CredentialFolder._read

    def slowly(folder: CredentialFolder[Content], path: Path) -> Content | None:
        if not is_reading.is_set():
            is_reading.set()
            goes_on.wait(30)
        return read(folder, path)

    monkeypatch.setattr(CredentialFolder, "_read", slowly)
    slow, fast = (threading.Thread(target=folder.files, kwargs={"now": True}) for _ in range(2))
    slow.start()
    assert is_reading.wait(30)
    # when another one comes after a second file
    put(tmp_path / "b", '{"number":2}')
    fast.start()
    fast.join(0.5)
    # then who need not know does not wait
    assert folder.files() == {}
    # and both are known in the end
    goes_on.set()
    slow.join()
    fast.join()
    assert {name: content.number for name, content in folder.files(now=True).items()} == {"a": 1, "b": 2}


def test_folder_may_be_missing_come_and_go(tmp_path: Path) -> None:
    assert Watched(None).numbers() == {}
    watched = Watched(tmp_path / "later")
    assert watched.numbers() == {}
    (tmp_path / "later").mkdir()
    put(tmp_path / "later" / "a", '{"number":1}')
    assert watched.numbers() == {"a": 1}
    (tmp_path / "later" / "a").unlink()
    (tmp_path / "later").rmdir()
    assert watched.numbers() == {}


def test_files_of_a_secret_are_replaced_all_at_once(tmp_path: Path) -> None:
    # As the kubelet does it: names lead through a link to the folder of now.
    for version, files in (("..1", {"a": 1, "b": 2}), ("..2", {"a": 3, "b": 4})):
        (tmp_path / version).mkdir()
        for name, number in files.items():
            (tmp_path / version / name).write_text(f'{{"number":{number}}}')
    (tmp_path / "..data").symlink_to("..1")
    for name in ("a", "b"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    watched = Watched(tmp_path)
    assert watched.numbers() == {"a": 1, "b": 2}
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").rename(tmp_path / "..data")
    assert watched.numbers() == {"a": 3, "b": 4}


def test_files_stay_known_while_the_folder_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "a", '{"number":1}')
    watched = Watched(tmp_path)
    assert watched.numbers() == {"a": 1}

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", fail)
        assert watched.numbers() == {"a": 1}
    put(tmp_path / "a", '{"number":2}')
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", fail)
        assert watched.numbers() == {}
    # It is tried again, although nothing changed since.
    assert watched.numbers() == {"a": 2}


def _nest(path: Path) -> None:
    path.write_text('{"number":1,"x":' + 100_000 * "[" + 100_000 * "]" + "}")


@pytest.mark.parametrize(
    "make",
    [
        _nest,
        lambda path: path.symlink_to(path.name),
        lambda path: path.write_text(f'{{"number":1,"x":"{"x" * FILE_LIMIT_BYTES}"}}'),
    ],
    ids=["nested deeply", "a link to itself", "a long file"],
)
def test_bad_file_is_logged_briefly_and_does_not_affect_other_files(
    tmp_path: Path, make: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path / "a", '{"number":1}')
    make(tmp_path / "bad")
    assert Watched(tmp_path).numbers() == {"a": 1}
    assert all(len(record.getMessage()) < 400 for record in caplog.records)


@pytest.mark.parametrize("name", ["a", "A-b_c.d9", "0", "x" * 64])
def test_name_is_taken(name: str) -> None:
    assert NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["", ".a", "-a", "_a", "a/b", "a b", "a\n", "é", "x" * 65, "..", "a\x00"])
def test_name_is_not_taken(name: str) -> None:
    assert not NAME.fullmatch(name)
