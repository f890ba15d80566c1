"""The key of sessions and the former one, as their files are now."""

from pathlib import Path

import msgspec
import pytest

from access.gatekeeper import Gatekeeper
from access.grant import AccessDenied
from access.revocations import Revocations
from access.session import Session, SessionSeal
from access.session_keys import SessionKeys, previous_key_line, previous_key_path
from access.settings import AccessSettings

OLD, NEW = b"o" * 64, b"n" * 64


class Files:
    """The files, and the time."""

    def __init__(self, folder: Path) -> None:
        self.now = 1000.0
        self.path = folder / "key"
        self.path.write_bytes(OLD + b"\n")
        self.keys = SessionKeys(OLD, self.path, lambda: self.now, lambda: self.now)

    def write(self, path: Path, content: bytes) -> None:
        new = path.with_name(".new")
        new.write_bytes(content)
        new.replace(path)

    def rotate(self, until: float = 2000.0, signs_from: float = 1010.0) -> None:
        self.write(previous_key_path(self.path), previous_key_line(OLD, until, signs_from))
        self.write(self.path, NEW)
        self.now += 1

    def known(self) -> list[bytes]:
        return [seal.key for seal in self.keys.seals()]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_previous_key_signs_until_all_know_the_new_one_and_is_accepted_until_its_sessions_end(files: Files) -> None:
    assert files.known() == [OLD]
    files.rotate()
    assert files.known() == [OLD, NEW]
    files.now = 1010.0
    assert files.known() == [NEW, OLD]
    files.now = 1999.0
    assert files.known() == [NEW, OLD]
    files.now = 2000.0
    assert files.known() == [NEW]


def test_previous_key_alone_changes_nothing(files: Files) -> None:
    files.write(previous_key_path(files.path), previous_key_line(OLD, 2000, 1010))
    assert files.known() == [OLD]


def test_previous_key_is_refused_when_its_file_is_removed(files: Files) -> None:
    files.rotate()
    assert OLD in files.known()
    previous_key_path(files.path).unlink()
    files.now += 1
    assert files.known() == [NEW]


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 9999])
def test_last_key_stays_in_force_when_the_new_file_is_invalid(files: Files, content: bytes) -> None:
    assert files.known() == [OLD]
    files.write(files.path, content)
    files.now += 1
    assert files.known() == [OLD]


@pytest.mark.parametrize("line", [b"one", b"one two", OLD + b" soon now", b"f" * 64 + b" nan 0"])
def test_keys_stay_in_force_when_the_previous_keys_line_is_invalid(files: Files, line: bytes) -> None:
    assert files.known() == [OLD]
    files.write(previous_key_path(files.path), line)
    files.now += 1
    assert files.known() == [OLD]


def test_session_forged_with_the_previous_key_expires_with_the_key(files: Files) -> None:
    gatekeeper = Gatekeeper(AccessSettings("closed", OLD, key_file=files.path), Revocations(), lambda: files.now)
    files.rotate()
    gatekeeper.revocations.finish_loading("g")
    session = Session("x", "ada", "g", "stamp", 900.0, 9e9, 9e9)
    cookies = "a=b; " + "=".join((SessionSeal(OLD).cookie, SessionSeal(OLD).seal(session)))
    assert gatekeeper.session(cookies) == msgspec.structs.replace(session, expires=2000.0)
    files.now = 2000.0
    assert gatekeeper.session(cookies) is None


def test_cookie_of_the_key_that_signs_counts_first(files: Files) -> None:
    gatekeeper = Gatekeeper(AccessSettings("closed", OLD, key_file=files.path), Revocations(), lambda: files.now)
    files.rotate(signs_from=0.0)
    session = Session("x", "ada", "g", "stamp", 900.0, 1500.0, 1500.0)
    former, new = SessionSeal(OLD), SessionSeal(NEW)
    sealed = f"{former.cookie}={former.seal(session)}; {new.cookie}="
    newer = msgspec.structs.replace(session, user="bob")
    assert gatekeeper.session(sealed + new.seal(newer)) == newer
    with pytest.raises(AccessDenied):
        gatekeeper.session(sealed + former.seal(newer))
