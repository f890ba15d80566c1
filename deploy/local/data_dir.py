"""The data folder of the local mode, which one instance at a time uses, and the access folder in it."""

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
from deploy.local.refusal import DISK_FULL_ERRORS, CannotStart, disk_full
from deploy.local.settings import DEMO_DIR, command_on, data_dir_of
from deploy.local.valkey import SAVE_REVOCATIONS, URL_FILE, write_private

#: The targets file of a first run.
FIRST_TARGETS = f"""\
# The nodes to watch. Changes take effect immediately, without a restart.
#
# An entry is a host, host:port (the default port is 9100), or a host with a name of your own:
#
#   workers:
#     - node1.lan
#     - 192.168.1.17:9100
#     - {{host: node3.lan, name: bench}}
#   master: node0.lan
#   groups:
#     - labels: {{rack: "07"}}
#       workers: ["node[05-20].lan"]
#
# "local" is this machine, which needs no exporter. Every other node needs one. To install it there:
#
#   sudo apt-get install -y prometheus-node-exporter
#
# To see what is wrong with a node: {CHECK_NODES}
workers:
  - local
"""
#: Default name of a cluster, in folders that hold no name.
CLUSTER_NAME: Final = "cluster"
#: File that holds the default name of the cluster. Folders from before 0.3 have none.
_CLUSTER_NAME_FILE: Final = "cluster-name"
_LOCK_FILE: Final = "lock"
#: Redis URL at which no Redis can answer.
_UNREACHABLE_REDIS: Final = "unix:///dev/null/nobody"
#: Command that shows the owner of a folder.
_SHOW_OWNER: Final = "ls -ld {}"
_LOCK_TRIES: Final = 5
_LOCK_PAUSE_SECONDS: Final = 0.02
#: Maximum characters of a cluster's name.
_NAME_LIMIT: Final = 100
#: Random bytes in the key.
KEY_BYTES: Final = 32
_PRIVATE: Final = 0o700
#: Permissions of all users except the owner.
_OTHERS: Final = 0o077
#: Bits that the umask always has, whatever the shell set: only the owner may write.
_UMASK: Final = 0o022


def limit_umask() -> None:
    """Make new files of this process and of its children writable by their owner only."""
    os.umask(os.umask(_UMASK) | _UMASK)


class AccessDir:
    """The folder with the key that signs sessions, the users, and the tokens. Only its owner may enter it."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self.key: Final = path / "key"
        self.users: Final = path / "users"
        self.tokens: Final = path / "tokens"

    def make(self, owner: tuple[int, int] | None = None) -> None:
        """Create the folders and the key that are missing.

        Args:
            owner: ids of the user and the group that get the folder. That user could put symbolic links in the folder,
                so no link is followed.

        Raises:
            OSError: the folder cannot be written.
        """
        for folder in (self.path, self.users, self.tokens):
            folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            _make_private(folder, owner)
        if not self.key.exists():
            new = self.path / f".key-{os.getpid()}"
            write_private(new, os.urandom(KEY_BYTES).hex() + "\n")
            with suppress(FileExistsError):  # another process was faster, and may already use its key
                os.link(new, self.key)
            new.unlink()
        if owner is not None:
            os.chown(self.key, *owner, follow_symlinks=False)

    def variables(self) -> dict[str, str]:
        """Return the environment variables that name the key and the tokens. Only the api gets the users."""
        return {"ACCESS_KEY_FILE": str(self.key), "ACCESS_TOKENS_DIR": str(self.tokens)}

    def exposed_files(self) -> list[Path]:
        """Return the keys and the files of users and tokens with a mode that lets other users read or write them."""
        keys = [self.key, self.path / "key.former"]
        files = [*keys, *(folder / name for folder in (self.users, self.tokens) for name in sorted(_names(folder)))]
        return [file for file in files if _mode(file) & _OTHERS]

    def is_empty(self) -> bool:
        """Whether there is neither a user nor a token."""
        return not any(_names(self.users) + _names(self.tokens))


def access_dir(data_dir: Path) -> AccessDir:
    """Return the access folder in ``data_dir``, without creating or locking it."""
    return AccessDir(data_dir / "access")


def command_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return ``variables`` with those that name the users, tokens and Redis of ``DATA_DIR``. No file is created.

    Without ``REDIS_URL`` the Redis is the embedded Valkey. While the product does not run, no Redis can answer at the
    returned URL, so that a command never connects to a foreign Redis.

    Raises:
        SettingError: ``DATA_DIR`` is not a path.
        OSError: the folder cannot be read.
    """
    data_dir = data_dir_of(variables)
    folder = access_dir(data_dir)
    found = {**variables, **folder.variables(), "ACCESS_USERS_DIR": str(folder.users)}
    if not variables.get("REDIS_URL", "").strip():
        # After a run, another Redis may listen on the embedded Valkey's port.
        url = _embedded_valkey_url(data_dir) if _is_locked(data_dir) else ""
        found |= {"REDIS_URL": url or _UNREACHABLE_REDIS, **SAVE_REVOCATIONS}
    return found


def why_not_running(variables: Mapping[str, str]) -> str:
    """Return why the embedded Valkey cannot answer, and how to start the product.

    The text is empty if the product runs, or if ``REDIS_URL`` names another Redis.

    Raises:
        SettingError: ``DATA_DIR`` is not a path.
        OSError: the folder cannot be read.
    """
    if variables.get("REDIS_URL", "").strip():
        return ""
    data_dir = data_dir_of(variables)
    if _is_locked(data_dir):
        if _embedded_valkey_url(data_dir):
            return ""
        return f"The product that runs with {data_dir} has no embedded Valkey: set REDIS_URL to the Redis that it uses"
    start = f"The product does not run; start it with: {command_on(data_dir, RUN)}"
    demo = data_dir / DEMO_DIR
    if _is_locked(demo):
        return f"{start}. A demo runs; to reach it, set DATA_DIR={demo}"
    return start


def _embedded_valkey_url(data_dir: Path) -> str:
    """Return the URL from the file that a run writes; empty if there is no file."""
    try:
        return (data_dir / URL_FILE).read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _is_locked(path: Path) -> bool:
    """Whether an instance uses this folder."""
    try:
        lock = os.open(path / _LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        # A shared lock: two commands that check at the same time do not block each other.
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        return True
    finally:
        os.close(lock)
    return False


class DataDir:
    """The data folder, which is created if it is missing, and locked until it is closed.

    Raises:
        CannotStart: another process uses the folder, or the folder cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            #: Whether no instance has used the folder before.
            self.is_new: Final = not os.path.lexists(path / _LOCK_FILE)
            if self.is_new:
                _write_atomically(path / _CLUSTER_NAME_FILE, f"{_host_name()}\n")
            self._lock = _open_regular_file(path / _LOCK_FILE)
        except OSError as error:
            raise _cannot_write(path, error) from None
        if not self._acquire_lock():
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

    def _acquire_lock(self) -> bool:
        """Lock the folder, in several attempts: a command that checks the lock holds it for a moment."""
        for _ in range(_LOCK_TRIES):
            with suppress(OSError):
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            time.sleep(_LOCK_PAUSE_SECONDS)
        return False

    def close(self) -> None:
        """Release the lock."""
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def cluster_name(self) -> str:
        """Return the default name of the cluster: this host's name, or the default of before 0.3 in an older folder."""
        try:
            return (self.path / _CLUSTER_NAME_FILE).read_text().strip() or CLUSTER_NAME
        except (OSError, UnicodeDecodeError):
            return CLUSTER_NAME

    def valkey(self) -> Path:
        """Create the embedded Valkey's folder; return it. Only this user may enter it, because it holds a password.

        Raises:
            CannotStart: the folder cannot be created.
        """
        folder = self.path / "valkey"
        try:
            folder.mkdir(mode=_PRIVATE, exist_ok=True)
            _make_private(folder, None)
        except OSError as error:
            raise _cannot_be_private(folder, error) from None
        return folder

    def access(self) -> AccessDir:
        """Create the folder with the key, users and tokens; return it.

        Raises:
            CannotStart: the folder cannot be created.
        """
        folder = access_dir(self.path)
        try:
            folder.make()
        except OSError as error:
            raise _cannot_be_private(folder.path, error) from None
        return folder

    def targets(self, given: Path | None) -> Path:
        """Return the targets file: ``given``, or the one in this folder, which is created if it is missing.

        Raises:
            CannotStart: the given file cannot be read.
        """
        if given is None:
            own = self.path / "nodes.yaml"
            if not os.path.lexists(own):  # a dangling link is left to the user who made it
                _write_atomically(own, FIRST_TARGETS)
            return own
        try:
            given.read_bytes()
        except OSError as error:
            raise CannotStart(
                f"TARGETS={given} cannot be read: {error.strerror}. "
                "Set TARGETS to a file with, for example, the line: workers: [node1.lan]"
            ) from None
        return given


def _names(folder: Path) -> list[str]:
    """Return the names in a folder. Names that begin with a dot are files that are not complete yet."""
    return [name for name in os.listdir(folder) if not name.startswith(".")] if folder.is_dir() else []


def _mode(file: Path) -> int:
    try:
        return stat.S_IMODE(file.stat().st_mode)
    except OSError:
        return 0


def _make_private(folder: Path, owner: tuple[int, int] | None) -> None:
    """Give a folder to ``owner``, and let only its owner enter it.

    Raises:
        OSError: ``folder`` is not a folder, or it is a link and ``owner`` is given.
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


def _open_regular_file(path: Path) -> int:
    """Open a regular file for reading and writing, and create it if it is missing. No link is followed.

    Raises:
        OSError: the file cannot be opened, or is not a regular file.
    """
    # Without O_NONBLOCK, the open of a named pipe could block forever.
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    opened = os.open(path, flags, 0o644)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    return opened


def _write_atomically(path: Path, text: str) -> None:
    """Write a file completely or not at all, even on a full disk. A link of that name is replaced."""
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
    if error.errno in DISK_FULL_ERRORS:
        return disk_full(path)
    lock = path / _LOCK_FILE
    if os.path.lexists(lock) and (lock.is_symlink() or not lock.is_file()):
        return CannotStart(f"{lock} is not a regular file. Remove it, then start again.")
    return CannotStart(f"DATA_DIR={path} cannot be written: {error.strerror}.")


def _cannot_be_private(folder: Path, error: OSError) -> CannotStart:
    """Return the error for a folder that cannot be made private to this user."""
    if error.errno in DISK_FULL_ERRORS:
        return disk_full(folder)
    path = Path(error.filename or folder)
    where = f"{path} ({path.resolve()})" if path.is_symlink() else str(path)
    return CannotStart(
        f"{where} cannot be made private to you: {error.strerror}. Show its owner: {_SHOW_OWNER.format(folder)}"
    )
