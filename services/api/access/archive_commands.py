"""``access …``: copies of users and tokens, restores, and the key of sessions."""

import bz2
import gzip
import io
import lzma
import sys
import tarfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import msgspec

from access.credential_folder import FILE_LIMIT_BYTES, NAME, CredentialFolder
from access.revocation_reader import RevocationReader, create_generation
from access.revocations import Revocations
from access.session_keys import new_key, previous_key_line, previous_key_path
from access.tokens import StoredToken, token_grant
from api.access.command_line import (
    CommandEnvironment,
    CommandError,
    ProductNotRunning,
    folder_of,
    is_secret,
    print_message,
    print_output,
    print_patch,
    redis_client,
    remove_file,
    require_output,
    require_readable,
    require_writable,
    write_file,
)
from api.access.users import StoredUser
from contract.names import GENERATION_KEY
from runtime import catalogue
from runtime.clock import timestamp
from runtime.quoting import error_text, quoted
from runtime.redis_failures import RedisFailure, ask


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


#: Most files of an archive, and its largest uncompressed size in bytes. The file of a user or a token takes a kilobyte.
FILES_LIMIT: Final = 20_000
ARCHIVE_BYTES: Final = 64 * 1024 * 1024
#: Most files that are listed one by one as left out.
OMITTED_LINES: Final = 20

#: Seconds after which every service has a new key and signs with it. The kubelets take longer to update a Secret.
SETTLE_SECONDS: Final = 10
SECRET_LAG_SECONDS: Final = 180

#: Decompressor, by the first bytes of a compressed file.
_INFLATE: Final[Mapping[bytes, Callable[[Any], _Readable]]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}

T = TypeVar("T")


class Archive(NamedTuple):
    """Users and tokens by name: each file's content, and the decoded content."""

    users: Mapping[str, tuple[bytes, StoredUser]]
    tokens: Mapping[str, tuple[bytes, StoredToken]]


class ArchiveCommands:
    """Each method is a command. Raises ``CommandError`` or ``SettingError``."""

    def __init__(self, environment: CommandEnvironment) -> None:
        self._environment = environment

    def save(self) -> None:
        """Write users and tokens to standard output, as a tar archive."""
        require_output()
        for folder in (self._users, self._tokens):
            require_readable(folder)
        with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
            for kind, folder in (("users", self._users), ("tokens", self._tokens)):
                for path in sorted(folder.iterdir() if folder.is_dir() else ()):
                    if NAME.fullmatch(path.name) and path.is_file():
                        content = path.read_bytes()
                        entry = tarfile.TarInfo(f"{kind}/{path.name}")
                        entry.size, entry.mode, entry.mtime = len(content), 0o600, int(path.stat().st_mtime)
                        archive.addfile(entry, io.BytesIO(content))

    def check(self) -> None:
        """List the changes that a restore of the archive on standard input would make."""
        self._list(_read(sys.stdin.buffer))

    def restore(self) -> None:
        """List the changes, end all sessions, and restore the archive on standard input."""
        archive = _read(sys.stdin.buffer)
        for folder, files in ((self._users, archive.users), (self._tokens, archive.tokens)):
            if files:
                require_writable(folder)
        self._list(archive)
        self.end_sessions()
        for folder, files in ((self._users, archive.users), (self._tokens, archive.tokens)):
            for name, (content, _) in files.items():
                write_file(folder, name, content)
        print_message(f"restored: {_plural(len(archive.users), 'user')}, {_plural(len(archive.tokens), 'token')}")

    def revoked(self) -> None:
        """List revoked tokens whose file still exists.

        They become valid again if Redis loses the revocations, for instance by a restore.
        """
        require_readable(self._tokens)
        revocations = self._revocations()
        for name, stored in sorted(CredentialFolder(self._tokens, "token", StoredToken).files().items()):
            if revocations.includes(token_grant(name, stored)):
                print_output(
                    f"token {name}\trevoked, but its file still exists: 'token remove {name}' removes it for good"
                )

    def end_sessions(self) -> None:
        """End all sessions of all users: the store gets a new generation."""
        try:
            with redis_client(self._environment) as client:
                client.delete(GENERATION_KEY)
                create_generation(client)
        except RedisFailure as error:
            raise CommandError(f"Redis did not execute the command, and nothing was changed: {error}") from None
        print_message("all sessions have ended; all users must sign in again")

    def rotate_key(self, *, is_immediate: bool) -> None:
        """Set a new key of sessions. With ``is_immediate``, drop the previous key and end all sessions.

        A Secret is read-only here, so the command prints the patch for it.
        """
        path = folder_of(self._environment, "ACCESS_KEY_FILE")
        previous, key, now = previous_key_path(path), new_key(), time.time()
        settle_seconds = SECRET_LAG_SECONDS if is_secret(path.parent) else SETTLE_SECONDS
        begins = now + settle_seconds
        until = begins + self._environment.value(catalogue.ACCESS_SESSION_SECONDS)
        try:
            line = None if is_immediate else previous_key_line(path.read_bytes(), until, begins)
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}") from None
        if is_secret(path.parent):
            print_patch({previous.name: line, path.name: key})
            when = f" once the Secret is patched, which takes up to {settle_seconds} s"
        else:
            require_writable(path.parent)
            # The previous key must be stored before the new one.
            if line is not None:
                write_file(path.parent, previous.name, line)
            elif previous.exists():
                remove_file(path.parent, previous.name)
            write_file(path.parent, path.name, key)
            when = ""
        print_message(f"a new key signs the sessions{when}")
        if not is_immediate:
            return
        try:
            self.end_sessions()
        except ProductNotRunning:  # no page is connected
            print_message("all sessions have ended; all users must sign in again")
        except CommandError as error:
            raise CommandError(f"open pages stay connected until you run this command again. {error}") from None

    @property
    def _users(self) -> Path:
        return folder_of(self._environment, "ACCESS_USERS_DIR")

    @property
    def _tokens(self) -> Path:
        return folder_of(self._environment, "ACCESS_TOKENS_DIR")

    def _revocations(self) -> Revocations:
        revocations = Revocations()
        try:
            with redis_client(self._environment) as client:
                RevocationReader(partial(ask, client), revocations, may_create_generation=False).refresh()
        except RedisFailure as error:
            raise CommandError(f"the revocations in Redis cannot be read: {error}") from None
        return revocations

    def _list(self, archive: Archive) -> None:
        revocations = self._revocations()
        users = CredentialFolder(self._users, "user", StoredUser).files()
        tokens = CredentialFolder(self._tokens, "token", StoredToken).files()
        for name, (_, archived) in sorted(archive.users.items()):
            current = users.get(name)
            if current is None:
                print_output(f"user {name}\tdoes not exist now; a restore adds the user with the archived password")
            elif current.hash != archived.hash:
                print_output(
                    f"user {name}\thas a password from {timestamp(current.created)}; "
                    "a restore sets the archived password"
                )
        for name, (_, token) in sorted(archive.tokens.items()):
            if revocations.includes(token_grant(name, token)):
                print_output(f"token {name}\twas revoked, and stays revoked while Redis has the revocation")
            elif tokens.get(name) != token:
                print_output(f"token {name}\tdoes not exist now or differs; a restore adds the archived token")


def _read(source: Any) -> Archive:
    """Return the content of an archive with paths such as ``users/ada``. List and leave out all other files.

    Raises:
        CommandError: the input is not an archive, is too large, or contains neither a user nor a token.
    """
    users: dict[str, tuple[bytes, StoredUser]] = {}
    tokens: dict[str, tuple[bytes, StoredToken]] = {}
    omitted: list[str] = []
    stream: Any = io.BufferedReader(source)
    magic_bytes = stream.peek(8)
    inflate = next((inflate for magic, inflate in _INFLATE.items() if magic_bytes.startswith(magic)), None)
    try:
        limited = _SizeLimitedFile(stream if inflate is None else inflate(stream))
        with tarfile.open(fileobj=limited, mode="r|") as archive:  # type: ignore[call-overload]
            for kind, name, content in _files(archive, omitted):
                try:
                    if kind == "users":
                        users[name] = content, msgspec.json.decode(content, type=StoredUser)
                    else:
                        tokens[name] = content, msgspec.json.decode(content, type=StoredToken)
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                    omitted.append(f"{kind}/{name} cannot be read, and is left out")
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError, RecursionError) as error:
        raise CommandError(f"standard input is not an archive of users and tokens: {error_text(error)}") from None
    for line in omitted[:OMITTED_LINES]:
        print_message(line)
    if len(omitted) > OMITTED_LINES:
        print_message(f"{len(omitted) - OMITTED_LINES} more files are left out")
    if not users and not tokens:
        raise CommandError(
            "the archive on standard input has no users and tokens, which 'access save' writes as users/NAME and "
            "tokens/NAME; nothing was changed"
        )
    return Archive(users, tokens)


class _SizeLimitedFile:
    """Reads at most ``ARCHIVE_BYTES`` of a file: a few compressed kilobytes may contain gigabytes."""

    def __init__(self, file: _Readable) -> None:
        self._file = file
        self._left_bytes = ARCHIVE_BYTES

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes.

        Raises:
            CommandError: the content is too large.
        """
        content = self._file.read(size)
        self._left_bytes -= len(content)
        if self._left_bytes < 0:
            raise CommandError(f"the archive contains more than {ARCHIVE_BYTES // 2**20} MiB")
        return content


def _files(archive: tarfile.TarFile, omitted: list[str]) -> Iterator[tuple[str, str, bytes]]:
    for number, entry in enumerate(archive):
        if number >= FILES_LIMIT:
            raise CommandError(f"the archive contains more than {FILES_LIMIT} files")
        kind, _, name = entry.name.removeprefix("./").partition("/")
        if entry.isdir() or (kind in ("users", "tokens") and name.startswith(".") and "/" not in name):
            continue  # an editor's or the kubelet's file
        file = archive.extractfile(entry) if entry.isreg() and entry.size <= FILE_LIMIT_BYTES else None
        if kind not in ("users", "tokens") or not NAME.fullmatch(name) or file is None:
            omitted.append(f"{quoted(entry.name)} is neither a user nor a token, and is left out")
            continue
        yield kind, name, file.read()


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
