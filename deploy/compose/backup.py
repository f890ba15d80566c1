"""``backup``: a copy of all data that Redis holds, as one file. ``restore``: such a file's data replace all others.

``restore`` also brings users and tokens back from an archive of them.
"""

from __future__ import annotations

import os
import tarfile
import time
from pathlib import Path

from deploy.compose.containers import of_project, of_service
from deploy.compose.dialogue import CommandFailed, call, confirm, say
from deploy.compose.docker import Docker
from deploy.compose.project import Project
from deploy.compose.up import start

#: Where copies go, in the project's folder.
FOLDER = "backups"
#: What an RDB file begins with.
_MAGICS = (b"REDIS", b"VALKEY")
#: What stands before the checksum of eight bytes at its end.
_END = b"\xff"
#: The api's commands about copies of users and tokens.
ACCESS = ("compose", "exec", "-T", "api", "serve", "access")
#: The services that write to Redis.
WRITERS = ("collector", "api", "ws")


def backup(docker: Docker) -> None:
    """Make a copy and say where it is.

    Raises:
        CommandFailed: there is none to make, or it is not whole.
    """
    path = save(docker, Project.read(docker), now())
    name = path.relative_to(docker.folder)
    say(f"{name}: {size(path)}. To bring it back: {call('restore', f'FILE={name}')}")


def now() -> str:
    """The time as file names and tags have it, UTC."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def save(docker: Docker, project: Project, stamp: str) -> Path:
    """Have Redis write its data; return the file, which is there whole or not at all.

    Raises:
        CommandFailed: see ``backup``.
    """
    if not project.has_own_redis:
        raise CommandFailed("The data are in a Redis of your own (REDIS_URL): copy them there.")
    if not any(container.is_running for container in of_service(docker, project.name, "redis")):
        raise CommandFailed(f"Redis does not run, and gives its data only while it does. {call('up')} starts it.")
    folder = docker.folder / FOLDER
    path = folder / f"dispycluster-{stamp}.rdb"
    part = path.with_suffix(".part")
    try:
        folder.mkdir(exist_ok=True)
        with open(part, "wb", opener=_private) as file:
            docker.receive(file, "compose", "exec", "-T", "redis", "backup", failure="Redis gives no copy of its data")
            file.flush()
            os.fsync(file.fileno())
        require_rdb(part)
        part.replace(path)
    except OSError as error:
        raise CommandFailed(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        if part.exists():
            part.unlink()
    return path


def require_rdb(path: Path) -> None:
    """Check that a file is a whole RDB file.

    Raises:
        CommandFailed: it is not, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(9)
            length = file.seek(0, os.SEEK_END)
            file.seek(max(length - 9, 0))
            tail = file.read(1)
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}.") from None
    if not head.startswith(_MAGICS):
        raise CommandFailed(f"{path.name} is no copy of Redis's data: it begins with {head[:6]!r}.")
    if tail != _END:
        raise CommandFailed(f"{path.name} is not whole: its end is missing.")


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


def restore(docker: Docker, given: str, *, yes: bool) -> None:
    """Ask, then replace the data while nothing writes; what ran before runs again, whatever happens.

    All sessions end with it, since what was revoked after the backup is not in it.

    Raises:
        CommandFailed: nobody agreed, the file is no backup, or Redis did not take it.
    """
    path = _file(docker, given)
    project = Project.read(docker)
    running = [container.service for container in of_project(docker, project.name) if container.is_running]
    if _is_archive(path):
        _restore_access(docker, path, running, yes=yes)
        return
    if not project.has_own_redis:
        raise CommandFailed(
            "The data are in a Redis of your own (REDIS_URL): restore them there, then end all sessions: "
            "docker compose run --rm api access end-sessions"
        )
    say(f"This replaces the alert log, the history and the last state by those of {path.name} ({size(path)}).")
    say("All sessions end: everybody signs in again.")
    _list_revoked(docker, running)
    confirm("Replace?", yes=yes)
    if "redis" in running:
        _save_first(docker, project)
    try:
        _replace(docker, path)
    finally:
        if running:
            say("starting again …")
            scale = ("--scale", f"ws={running.count('ws')}") if "ws" in running else ()
            start(docker, "--no-build", "--no-recreate", *scale)
    say(f"The data are those of {path.name}." + ("" if running else f" {call('up')} starts the product with them."))


def _file(docker: Docker, given: str) -> Path:
    if not given:
        there = sorted(path.name for path in (docker.folder / FOLDER).glob("*.rdb"))
        example = f"{FOLDER}/{there[-1] if there else 'NAME.rdb'}"
        raise CommandFailed(f"Which backup? For instance: {call('restore', f'FILE={example}')}")
    path = Path(given).expanduser().absolute()
    if not _is_archive(path):
        require_rdb(path)
    return path


def _is_archive(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except OSError:
        return False


def _list_revoked(docker: Docker, running: list[str]) -> None:
    """Say which tokens are good again where the backup does not know that they were revoked."""
    if "api" not in running:
        say("Which tokens are revoked cannot be listed, as the api does not run.")
        return
    answer = docker.ask(*ACCESS, "revoked")
    if answer.code != 0:
        say(f"Note: which tokens are revoked cannot be listed: {answer.last_words()}")
    elif answer.out.strip():
        say(f"These may be good again with it:\n{answer.out.rstrip()}")


def _restore_access(docker: Docker, path: Path, running: list[str], *, yes: bool) -> None:
    if "api" not in running:
        raise CommandFailed(f"The api brings users and tokens back, and does not run. {call('up')} starts it.")
    failure = "The api cannot read the archive"
    with path.open("rb") as file:
        listed = docker.tell(*ACCESS, "check", source=file, failure=failure).rstrip()
    say(f"This brings back the users and tokens of {path.name}, and all sessions end.")
    say(f"Not as they are now:\n{listed}" if listed else "All of them are there now, and the same.")
    confirm("Bring back?", yes=yes)
    with path.open("rb") as file:
        docker.tell(*ACCESS, "restore", source=file, failure="The api did not bring them back")
    say(f"Users and tokens are those of {path.name}, besides others that are there.")


def _save_first(docker: Docker, project: Project) -> None:
    try:
        say(f"The data of now are kept in {save(docker, project, now()).relative_to(docker.folder)}")
    except CommandFailed as failure:  # a broken Redis is a reason to restore
        say(f"Note: the data of now are not kept: {failure}")


def _replace(docker: Docker, path: Path) -> None:
    say("stopping what writes …")
    # Redis last, so that the others end in order.
    for services in (WRITERS, ("redis",)):
        docker.tell("compose", "stop", *services, failure=f"{', '.join(services)} could not be stopped")
    say(f"restoring {path.name} …")
    with path.open("rb") as file:
        docker.tell(
            *("compose", "run", "--rm", "-T", "redis", "restore"),
            source=file,
            failure="Redis did not take the backup; its data are what they were",
        )
