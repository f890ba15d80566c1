"""``python -m api access …``: copies of users and tokens, and restores."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.access.archive_commands import ARCHIVE_BYTES
from api.tests.access.conftest import Command
from contract.names import GENERATION_KEY, RENEWED
from tests.drivers.ports import free_port


def contents(folders: dict[str, Path]) -> dict[str, bytes]:
    files = (path for folder in folders.values() for path in folder.iterdir())
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in files}


def test_restore_lists_changes_first_and_restores_removed_accounts(
    run_cli: Command, folders: dict[str, Path], redis: Any
) -> None:
    # given
    for name in ("ada", "bob", "eve"):
        run_cli("user", "add", name, given=b"correct horse\n")
    for name in ("kept", "removed"):
        run_cli("token", "add", name)
    before = contents(folders)
    archive = run_cli("access", "save").stdout
    run_cli("user", "remove", "ada")
    run_cli("user", "password", "bob", given=b"another horse\n")
    run_cli("token", "remove", "removed")
    run_cli("token", "add", "later")
    # when
    checked = run_cli("access", "check", given=archive)
    # then
    lines = [line.partition("\t") for line in checked.stdout.decode().splitlines()]
    assert [what for what, _, _ in lines] == ["user ada", "user bob", "token removed"]
    assert "does not exist now" in lines[0][2]
    assert "archived password" in lines[1][2]
    assert "revoked" in lines[2][2]
    assert "users/ada" not in contents(folders)
    # and when
    restored = run_cli("access", "restore", given=archive)
    # then
    assert restored.returncode == 0, restored.stderr
    assert restored.stdout == checked.stdout
    later = contents(folders).pop("tokens/later")
    assert contents(folders) == {**before, "tokens/later": later}


def test_restore_starts_and_announces_a_new_generation(run_cli: Command, redis: Any, listen: Any) -> None:
    # given
    redis.set(GENERATION_KEY, "of then")
    received = listen()
    run_cli("user", "add", "ada", given=b"correct horse\n")
    # when
    assert run_cli("access", "restore", given=run_cli("access", "save").stdout).returncode == 0
    # then
    assert redis.get(GENERATION_KEY) not in (None, b"of then")
    assert received() == RENEWED


def test_restore_changes_nothing_when_redis_is_away(run_cli: Command, folders: dict[str, Path]) -> None:
    run_cli("user", "add", "ada", given=b"correct horse\n")
    archive = run_cli("access", "save").stdout
    (folders["users"] / "ada").unlink()
    for words in (("access", "restore"), ("access", "end-sessions"), ("access", "revoked")):
        assert run_cli(*words, given=archive, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0").returncode == 1
    assert list(folders["users"].iterdir()) == []


def test_restore_writes_only_users_and_tokens(run_cli: Command, folders: dict[str, Path], tmp_path: Path) -> None:
    # given
    content = b'{"hash":"x","created":1.0}'
    with tarfile.open(fileobj=(made := io.BytesIO()), mode="w") as archive:
        for name in ("users/../../escaped", "/etc/escaped", "users/ada", "other/ada", "users/.hidden", "users/a/b"):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("users/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        entry = tarfile.TarInfo("users/broken")
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"x"))
    # when
    done = run_cli("access", "restore", given=made.getvalue())
    # then
    assert done.returncode == 0, done.stderr
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == {"files/users/ada"}
    assert b"users/link" in done.stderr


def tar(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """Return an archive of these entries. Their headers may announce any size."""
    return b"".join(
        entry.tobuf(tarfile.GNU_FORMAT) + content.ljust(-len(content) % 512 + len(content), b"\0")
        for entry, content in entries
    )


def entry(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size, made.type = size, kind
    return made


LARGE = bytes(ARCHIVE_BYTES + 1024)


@pytest.mark.parametrize(
    "content",
    [
        tar((entry("users/ada", len(LARGE)), LARGE)),
        tar((entry("users/ada", len(LARGE), tarfile.GNUTYPE_LONGNAME), LARGE)),
        tar((entry("users/ada", len(LARGE), tarfile.XHDTYPE), LARGE)),
    ],
    ids=["a file", "a long name", "a PAX header"],
)
@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_archive_is_read_up_to_its_size_limit(
    run_cli: Command, content: bytes, compress: Callable[[bytes], bytes]
) -> None:
    done = run_cli("access", "check", given=compress(content))
    assert done.returncode == 1
    assert done.stderr.decode() == "the archive contains more than 64 MiB\n"


def test_compressed_archive_is_read(run_cli: Command) -> None:
    content = b'{"hash":"x","created":1.0}'
    archive = tar((entry("users/ada", len(content)), content)) + bytes(1024)
    for compress in (bytes, gzip.compress, bz2.compress, lzma.compress):
        assert run_cli("access", "check", given=compress(archive)).stdout.startswith(b"user ada\t")


@pytest.mark.parametrize(
    "archive",
    [
        b"".join(tar((entry("p", 11, tarfile.XHDTYPE), b"11 a=bbbbb\n")) for _ in range(3000)),
        gzip.compress(b"")[:10] + b"\xff" * 1000,
    ],
    ids=["headers of headers", "damaged"],
)
def test_archive_is_refused_in_one_line_when_it_cannot_be_read(run_cli: Command, archive: bytes) -> None:
    done = run_cli("access", "check", given=archive)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)


def test_omitted_files_are_listed_briefly(run_cli: Command) -> None:
    nested = b'{"x":' + 20_000 * b"[" + 20_000 * b"]" + b"}"
    others = [(entry(f"other/{number}", 0), b"") for number in range(1000)]
    done = run_cli("access", "check", given=tar((entry("users/ada", len(nested)), nested), *others) + bytes(1024))
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[0] == "users/ada cannot be read, and is left out"
    assert done.stderr.decode().splitlines()[-2] == "981 more files are left out"


def test_input_that_is_not_an_archive_is_refused(run_cli: Command) -> None:
    done = run_cli("access", "restore", given=b"no archive")
    assert done.returncode == 1
    assert b"not an archive of users and tokens" in done.stderr


def test_token_revoked_only_in_redis_is_listed(run_cli: Command, folders: dict[str, Path]) -> None:
    # given: a patch of a Kubernetes Secret that was created and never applied
    run_cli("token", "add", "kept")
    run_cli("token", "add", "patched")
    run_cli("token", "patch", "patched", "--remove")
    # when
    done = run_cli("access", "revoked")
    # then
    (line,) = done.stdout.decode().splitlines()
    assert line.startswith("token patched\t")


def archive_of(*names: str) -> bytes:
    with tarfile.open(fileobj=(made := io.BytesIO()), mode="w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    return made.getvalue()


@pytest.mark.parametrize("names", [(), ("notes.txt", "src/main.c"), ("../../x", "users/../../../x"), ("users/ada",)])
@pytest.mark.parametrize("word", ["check", "restore"])
def test_archive_without_users_and_tokens_is_refused_and_nothing_is_changed(
    run_cli: Command, folders: dict[str, Path], redis: Any, word: str, names: tuple[str, ...]
) -> None:
    # given
    redis.set(GENERATION_KEY, "of now")
    run_cli("user", "add", "bob", given=b"correct horse\n")
    run_cli("token", "add", "script")
    before = contents(folders)
    # when
    done = run_cli("access", word, given=archive_of(*names))
    # then
    assert (done.returncode, done.stdout) == (1, b"")
    message = done.stderr.decode()
    assert "has no users and tokens" in message
    for name in names:
        assert name in message
    assert redis.get(GENERATION_KEY) == b"of now"
    assert contents(folders) == before


def test_restore_changes_nothing_when_a_folder_cannot_be_written(
    run_cli: Command, folders: dict[str, Path], redis: Any, tmp_path: Path
) -> None:
    # given
    redis.set(GENERATION_KEY, "of now")
    run_cli("user", "add", "ada", given=b"correct horse\n")
    archive = run_cli("access", "save").stdout
    (tmp_path / "file").touch()
    # when
    done = run_cli("access", "restore", given=archive, ACCESS_USERS_DIR=str(tmp_path / "file" / "users"))
    # then
    assert done.returncode == 1
    assert str(tmp_path / "file") in done.stderr.decode()
    assert redis.get(GENERATION_KEY) == b"of now"
