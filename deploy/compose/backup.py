"""``backup``: a copy of all data that Redis holds, as one file."""

from __future__ import annotations

import os
import time
from pathlib import Path

from deploy.compose.containers import of_service
from deploy.compose.dialogue import call, say
from deploy.compose.docker import Docker
from deploy.compose.preflight import require_engine
from deploy.compose.project import Project
from deploy.compose.trouble import Trouble

#: Where copies go, in the project's folder.
FOLDER = "backups"
#: What an RDB file begins with.
_MAGICS = (b"REDIS", b"VALKEY")
#: What stands before the checksum of eight bytes at its end.
_END = b"\xff"


def backup(docker: Docker) -> None:
    """Make a copy and say where it is.

    Raises:
        Trouble: there is none to make, or it is not whole.
    """
    require_engine(docker)
    path = save(docker, Project.read(docker), now())
    name = path.relative_to(docker.folder)
    say(f"{name}: {size(path)}. To bring it back: {call('restore', f'FILE={name}')}")


def now() -> str:
    """The time as file names and tags have it, UTC."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def save(docker: Docker, project: Project, stamp: str) -> Path:
    """Have Redis write its data; return the file, which is there whole or not at all.

    Raises:
        Trouble: see ``backup``.
    """
    if not project.has_own_redis:
        raise Trouble("The data are in a Redis of your own (REDIS_URL): copy them there.")
    if not any(container.is_running for container in of_service(docker, project.name, "redis")):
        raise Trouble(f"Redis does not run, and gives its data only while it does. {call('up')} starts it.")
    folder = docker.folder / FOLDER
    path = folder / f"dispycluster-{stamp}.rdb"
    part = path.with_suffix(".part")
    try:
        folder.mkdir(exist_ok=True)
        with open(part, "wb", opener=_private) as file:
            docker.receive(file, "compose", "exec", "-T", "redis", "backup", trouble="Redis gives no copy of its data")
            file.flush()
            os.fsync(file.fileno())
        require_rdb(part)
        part.replace(path)
    except OSError as error:
        raise Trouble(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        if part.exists():
            part.unlink()
    return path


def require_rdb(path: Path) -> None:
    """Check that a file is a whole RDB file.

    Raises:
        Trouble: it is not, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(9)
            length = file.seek(0, os.SEEK_END)
            file.seek(max(length - 9, 0))
            tail = file.read(1)
    except OSError as error:
        raise Trouble(f"{path} cannot be read: {error.strerror}.") from None
    if not head.startswith(_MAGICS):
        raise Trouble(f"{path.name} is no copy of Redis's data: it begins with {head[:6]!r}.")
    if tail != _END:
        raise Trouble(f"{path.name} is not whole: its end is missing.")


def size(path: Path) -> str:
    """A file's size for people."""
    count = float(path.stat().st_size)
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
