"""The folder that the local mode keeps its data in, used by one instance at a time."""

import fcntl
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from deploy.local.access_dir import AccessDir
from deploy.local.commands import CHECK_NODES, RUN
from deploy.local.refusal import NO_ROOM, CannotStart, full_disk
from deploy.local.settings import data_dir_of
from deploy.local.valkey import SAVE_REVOCATIONS, URL_FILE

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
#: Characters that a cluster's name may have.
_NAME_LIMIT: Final = 100


def access_dir(data_dir: Path) -> AccessDir:
    """Where key, users and tokens are; nothing is made or locked."""
    return AccessDir(data_dir / "access")


def command_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """What tells the api's commands of users, tokens and Redis: those of ``DATA_DIR``, whose folders are made.

    Raises:
        OSError: a folder cannot be made.
    """
    data_dir = data_dir_of(variables)
    folder = access_dir(data_dir)
    folder.make()
    found = {**variables, **folder.variables(), "ACCESS_USERS_DIR": str(folder.users)}
    url = data_dir / URL_FILE
    if not variables.get("REDIS_URL", "").strip() and url.exists():
        found |= {"REDIS_URL": url.read_text().strip(), **SAVE_REVOCATIONS}
    return found


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
            self.is_new: Final = not (path / _LOCK_FILE).exists()
            if self.is_new:
                _write_whole(path / _CLUSTER_NAME_FILE, f"{_host_name()}\n")
            self._lock = os.open(path / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _cannot_write(path, error) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.read(self._lock, 20).decode(errors="replace").strip()
            os.close(self._lock)
            raise CannotStart(
                f"Process {owner or '(unknown)'} already runs with DATA_DIR={path}. "
                f"A second instance needs its own: DATA_DIR=data2 PORT=8086 {RUN}"
            ) from None
        try:
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            os.close(self._lock)
            raise _cannot_write(path, error) from None

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
        """Folder of the embedded Valkey, for this user alone: it holds a password."""
        folder = self.path / "valkey"
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        return folder

    def access(self) -> AccessDir:
        """The folder with key, users and tokens, made where it is missing."""
        folder = access_dir(self.path)
        folder.make()
        return folder

    def targets(self, given: Path | None) -> Path:
        """The targets file: ``given``, or the one in this folder, written where there is none.

        Raises:
            CannotStart: the given file cannot be read.
        """
        if given is None:
            own = self.path / "nodes.yaml"
            if not own.exists():
                _write_whole(own, FIRST_TARGETS)
            return own
        try:
            given.read_bytes()
        except OSError as error:
            raise CannotStart(
                f"TARGETS={given} cannot be read: {error.strerror}. It takes a file such as: workers: [node1.lan]"
            ) from None
        return given


def _write_whole(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, however full the disk is."""
    new = path.with_name(f".{path.name}")
    try:
        new.write_text(text)
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
    return CannotStart(f"DATA_DIR={path} cannot be written: {error.strerror}.")
