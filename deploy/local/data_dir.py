"""The folder that the local mode keeps its data in, used by one instance at a time, and in it the folder of access."""

import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from deploy.local.commands import CHECK_NODES, RUN
from deploy.local.refusal import NO_ROOM, CannotStart, full_disk
from deploy.local.settings import DEMO_DIR, command_on, data_dir_of
from deploy.local.valkey import SAVE_REVOCATIONS, URL_FILE, write_private

#: The targets file of a first run.
FIRST_TARGETS = f"""\
# The nodes to watch. Changes take effect at once; nothing needs a restart.
#
# An entry is a host, host:port (an exporter's port is 9100 if none is given), or a host with a name of your own:
#
#   workers:
#     - node1.lan
#     - 192.168.1.17:9100
#     - {{host: node3.lan, name: bench}}
#   master: node0.lan
#
# "local" is this machine, read without an exporter. Every other node needs one; to install it there:
#
#   sudo apt-get install -y prometheus-node-exporter
#
# To see what is wrong with a node: {CHECK_NODES}
workers:
  - local
"""
#: Name of a cluster to which nobody has given one, in folders that do not hold another.
CLUSTER_NAME: Final = "cluster"
#: File that holds the name of the cluster, in folders that were made since 0.3.
_CLUSTER_NAME_FILE: Final = "cluster-name"
_LOCK_FILE: Final = "lock"
#: A place where no Redis can be.
_NOBODY: Final = "unix:///dev/null/nobody"
#: Shows whose a folder is.
_LOOK: Final = "ls -ld {}"
_LOCK_TRIES: Final = 5
_LOCK_PAUSE_SECONDS: Final = 0.02
#: Characters that a cluster's name may have.
_NAME_LIMIT: Final = 100
#: Bytes of randomness in the key.
KEY_BYTES: Final = 32
_PRIVATE: Final = 0o700
#: Permissions of everybody but the owner.
_OTHERS: Final = 0o077
#: What nobody but the owner of a file may do, whatever the shell allows.
_UMASK: Final = 0o022


def limit_umask() -> None:
    """Have files of this process, and of those that it starts, written by their owner alone."""
    os.umask(os.umask(_UMASK) | _UMASK)


class AccessDir:
    """The key that signs sessions, the users, and the tokens of programs: ``path``, for its owner alone."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self.key: Final = path / "key"
        self.users: Final = path / "users"
        self.tokens: Final = path / "tokens"

    def make(self, owner: tuple[int, int] | None = None) -> None:
        """Make what is missing and leave what is there; ``owner``: whose it is to be, by the ids of user and group.

        With an ``owner``, who can put a symbolic link here, no link is followed.

        Raises:
            OSError: the folder cannot be written.
        """
        for folder in (self.path, self.users, self.tokens):
            folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            _make_private(folder, owner)
        if not self.key.exists():
            new = self.path / f".key-{os.getpid()}"
            write_private(new, os.urandom(KEY_BYTES).hex() + "\n")
            with suppress(FileExistsError):  # another process was faster, and may use its key already
                os.link(new, self.key)
            new.unlink()
        if owner is not None:
            os.chown(self.key, *owner, follow_symlinks=False)

    def variables(self) -> dict[str, str]:
        """What tells a service of it; the users are for the api alone."""
        return {"ACCESS_KEY_FILE": str(self.key), "ACCESS_TOKENS_DIR": str(self.tokens)}

    def exposed(self) -> list[Path]:
        """The key, and files of users and tokens, that others than their owner may read or write by their modes."""
        keys = [self.key, self.path / "key.former"]
        files = [*keys, *(folder / name for folder in (self.users, self.tokens) for name in sorted(_names(folder)))]
        return [file for file in files if _mode(file) & _OTHERS]

    def is_empty(self) -> bool:
        """Whether nobody could sign in: there is neither a user nor a token."""
        return not any(_names(self.users) + _names(self.tokens))


def access_dir(data_dir: Path) -> AccessDir:
    """Where key, users and tokens are; nothing is made or locked."""
    return AccessDir(data_dir / "access")


def command_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """What tells the api's commands of users, tokens and Redis: those of ``DATA_DIR``. Nothing is made.

    The Redis is the product's own where nobody has named another. No other one is ever asked: while the product does
    not run it is a place where nothing answers.

    Raises:
        SettingError: ``DATA_DIR`` is no path.
        OSError: the folder cannot be read.
    """
    data_dir = data_dir_of(variables)
    folder = access_dir(data_dir)
    found = {**variables, **folder.variables(), "ACCESS_USERS_DIR": str(folder.users)}
    if not variables.get("REDIS_URL", "").strip():
        # After a run another Redis may be at its port.
        url = _url_of_own_redis(data_dir) if _is_locked(data_dir) else ""
        found |= {"REDIS_URL": url or _NOBODY, **SAVE_REVOCATIONS}
    return found


def why_stopped(variables: Mapping[str, str]) -> str:
    """Why the product's own Redis cannot be asked, and what starts it; empty where it runs, or another one is named.

    Raises:
        SettingError: ``DATA_DIR`` is no path.
        OSError: the folder cannot be read.
    """
    if variables.get("REDIS_URL", "").strip():
        return ""
    data_dir = data_dir_of(variables)
    if _is_locked(data_dir):
        if _url_of_own_redis(data_dir):
            return ""
        return f"What runs with {data_dir} has no Redis of its own: name that which it uses, with REDIS_URL"
    start = f"It does not run; start it with: {command_on(data_dir, RUN)}"
    demo = data_dir / DEMO_DIR
    if _is_locked(demo):
        return f"{start}. What runs is a demo, which is asked with DATA_DIR={demo}"
    return start


def _url_of_own_redis(data_dir: Path) -> str:
    """As it is written down; empty where it is not."""
    try:
        return (data_dir / URL_FILE).read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _is_locked(path: Path) -> bool:
    """Whether an instance runs with this folder."""
    try:
        lock = os.open(path / _LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        # Shared: two that look at the same time do not see each other.
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        return True
    finally:
        os.close(lock)
    return False


class DataDir:
    """``path``, created and locked for as long as this process lives.

    Raises:
        CannotStart: another process uses it, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            #: Whether no instance has run in it before.
            self.is_new: Final = not os.path.lexists(path / _LOCK_FILE)
            if self.is_new:
                _write_whole(path / _CLUSTER_NAME_FILE, f"{_host_name()}\n")
            self._lock = _open_own(path / _LOCK_FILE)
        except OSError as error:
            raise _cannot_write(path, error) from None
        if not self._take():
            owner = os.read(self._lock, 20).decode(errors="replace").strip()
            os.close(self._lock)
            raise CannotStart(
                f"Process {owner or '(unknown)'} already runs with DATA_DIR={path}. "
                f"A second instance needs its own: DATA_DIR=data2 PORT=8086 {RUN}"
            )
        try:
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            os.close(self._lock)
            raise _cannot_write(path, error) from None

    def _take(self) -> bool:
        """Lock it; a command that looks whether it is locked holds it for less than a moment."""
        for _ in range(_LOCK_TRIES):
            with suppress(OSError):
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            time.sleep(_LOCK_PAUSE_SECONDS)
        return False

    def close(self) -> None:
        """Let another process use the folder."""
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def cluster_name(self) -> str:
        """Name of a cluster to which nobody has given one: the host's, or what it was called before 0.3."""
        try:
            return (self.path / _CLUSTER_NAME_FILE).read_text().strip() or CLUSTER_NAME
        except (OSError, UnicodeDecodeError):
            return CLUSTER_NAME

    def valkey(self) -> Path:
        """Folder of the embedded Valkey, for this user alone: it holds a password.

        Raises:
            CannotStart: it cannot be made.
        """
        folder = self.path / "valkey"
        try:
            folder.mkdir(mode=_PRIVATE, exist_ok=True)
            _make_private(folder, None)
        except OSError as error:
            raise _cannot_own(folder, error) from None
        return folder

    def access(self) -> AccessDir:
        """The folder with key, users and tokens, made where it is missing.

        Raises:
            CannotStart: it cannot be made.
        """
        folder = access_dir(self.path)
        try:
            folder.make()
        except OSError as error:
            raise _cannot_own(folder.path, error) from None
        return folder

    def targets(self, given: Path | None) -> Path:
        """The targets file: ``given``, or the one in this folder, written where there is none.

        Raises:
            CannotStart: the given file cannot be read.
        """
        if given is None:
            own = self.path / "nodes.yaml"
            if not os.path.lexists(own):  # where a link leads to is for whoever made the link
                _write_whole(own, FIRST_TARGETS)
            return own
        try:
            given.read_bytes()
        except OSError as error:
            raise CannotStart(
                f"TARGETS={given} cannot be read: {error.strerror}. It takes a file such as: workers: [node1.lan]"
            ) from None
        return given


def _names(folder: Path) -> list[str]:
    """Names of what counts in a folder: files that begin with a dot are not yet whole."""
    return [name for name in os.listdir(folder) if not name.startswith(".")] if folder.is_dir() else []


def _mode(file: Path) -> int:
    try:
        return stat.S_IMODE(file.stat().st_mode)
    except OSError:
        return 0


def _make_private(folder: Path, owner: tuple[int, int] | None) -> None:
    """Have a folder for its owner alone.

    Raises:
        OSError: it is none, or a link where ``owner`` is given.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (os.O_NOFOLLOW if owner else 0))
    try:
        os.fchmod(opened, _PRIVATE)
        if owner is not None:
            os.fchown(opened, *owner)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from None
    finally:
        os.close(opened)


def _open_own(path: Path) -> int:
    """Open a file for reading and writing, made where it is missing: never what a link leads to, or no file.

    Raises:
        OSError: it cannot be had.
    """
    # Without O_NONBLOCK, opening a named pipe could wait for ever.
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    opened = os.open(path, flags, 0o644)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    return opened


def _write_whole(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, however full the disk is; a link in the way is replaced."""
    new = path.with_name(f".{path.name}")
    try:
        new.unlink(missing_ok=True)
        with new.open("x") as file:
            file.write(text)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def _host_name() -> str:
    name = socket.gethostname().strip()
    return name if name.isprintable() and len(name) <= _NAME_LIMIT else ""


def _cannot_write(path: Path, error: OSError) -> CannotStart:
    if error.errno in NO_ROOM:
        return full_disk(path)
    lock = path / _LOCK_FILE
    if os.path.lexists(lock) and (lock.is_symlink() or not lock.is_file()):
        return CannotStart(f"{lock} is no plain file, and is left as it is. Remove it, then start again.")
    return CannotStart(f"DATA_DIR={path} cannot be written: {error.strerror}.")


def _cannot_own(folder: Path, error: OSError) -> CannotStart:
    """The refusal of a folder that this user alone must be able to read and write."""
    if error.errno in NO_ROOM:
        return full_disk(folder)
    place = Path(error.filename or folder)
    where = f"{place} ({place.resolve()})" if place.is_symlink() else str(place)
    return CannotStart(f"{where} cannot be kept for you alone: {error.strerror}. Whose is it? {_LOOK.format(folder)}")
