"""``backup``: a copy of all data that Redis holds, of users and of tokens, as one file. ``restore`` brings it back.

``restore`` also takes what was made before 0.5: an RDB file, and an archive of users and tokens alone.
"""

from __future__ import annotations

import tarfile
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

from deploy.compose.archive import DATA, Contents, pack, require_rdb, unpack
from deploy.compose.containers import of_project
from deploy.compose.dialogue import CommandFailed, call, confirm, say
from deploy.compose.docker import Docker
from deploy.compose.project import Project
from deploy.compose.up import start
from deploy.host.rdb import created_at, describe_data_loss

#: Where copies go, in the project's folder.
FOLDER = "backups"
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
    """Have Redis write its data, and the api users and tokens; return the file, which is there whole or not at all.

    Raises:
        CommandFailed: see ``backup``.
    """
    if not project.has_own_redis:
        raise CommandFailed("The data are in a Redis of your own (REDIS_URL): copy them there.")
    running = {container.service for container in of_project(docker, project.name) if container.is_running}
    if "redis" not in running:
        raise CommandFailed(f"Redis does not run, and gives its data only while it does. {call('up')} starts it.")
    folder = docker.folder / FOLDER
    path = folder / f"dispycluster-{stamp}.tar"
    try:
        folder.mkdir(exist_ok=True)
        if path.exists():
            raise CommandFailed(f"{path} is there already.")
        # Readable by its owner alone, on the same disk, and not another backup's.
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=str(folder)) as name:
            data, access = Path(name, DATA), Path(name, "access.tar")
            with data.open("wb") as file:
                failure = "Redis gives no copy of its data"
                docker.receive(file, "compose", "exec", "-T", "redis", "backup", failure=failure)
            require_rdb(data)
            has_access = _save_access(docker, access, running)
            whole = Path(name, path.name)
            pack(whole, Contents(data, access if has_access else None))
            whole.replace(path)
    except OSError as error:
        raise CommandFailed(f"{path} cannot be written: {error.strerror}.") from None
    except tarfile.TarError as error:
        raise CommandFailed(f"The api gives users and tokens that are not whole: {error}.") from None
    return path


def _save_access(docker: Docker, path: Path, running: Collection[str]) -> bool:
    if "api" not in running:
        say("Note: users and tokens are not in it, as the api does not run.")
        return False
    try:
        with path.open("wb") as file:
            docker.receive(file, *ACCESS, "save", failure="the api does not give them")
        if not tarfile.is_tarfile(path):
            raise CommandFailed("the api gives something else")
    except CommandFailed as failure:
        say(f"Note: users and tokens are not in it: {failure}")
        return False
    return True


def size(path: Path) -> str:
    """A file's size for people."""
    count = float(path.stat().st_size)
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def restore(docker: Docker, given: str, *, yes: bool) -> None:
    """Ask, then replace the data while nothing writes; what ran before runs again, whatever happens.

    All sessions end with it, since what was revoked after the backup is not in it.

    Raises:
        CommandFailed: nobody agreed, the file is no backup, or Redis did not take it.
    """
    path = _file(docker, given)
    with tempfile.TemporaryDirectory(prefix="dispycluster-restore-") as folder:
        contents = unpack(path, Path(folder))
        project = Project.read(docker)
        running = [container.service for container in of_project(docker, project.name) if container.is_running]
        if contents.data is None:
            assert contents.access
            _restore_access(docker, contents.access, path.name, running, yes=yes)
        else:
            _restore_data(docker, project, contents, path, running, yes=yes)


def _restore_data(
    docker: Docker, project: Project, contents: Contents, path: Path, running: list[str], *, yes: bool
) -> None:
    assert contents.data
    if not project.has_own_redis:
        raise CommandFailed(
            "The data are in a Redis of your own (REDIS_URL): restore them there, then end all sessions: "
            "docker compose run --rm api access end-sessions"
        )
    say(f"This replaces the alert log, the history and the last state by those of {path.name} ({size(path)}).")
    say(describe_data_loss(created_at(contents.data), time.time()))
    say("All sessions end: everybody signs in again.")
    has_access = contents.access and "api" in running
    if contents.access and has_access:
        _list_access(docker, contents.access)
    elif contents.access:
        say(
            f"Its users and tokens come back only while the api runs: {call('restore', f'FILE={path}')} once more then."
        )
    _list_revoked(docker, running)
    confirm("Replace?", yes=yes)
    if "redis" in running:
        _save_first(docker, project)
    try:
        _replace(docker, contents.data, path.name)
    finally:
        if running:
            say("starting again …")
            scale = ("--scale", f"ws={running.count('ws')}") if "ws" in running else ()
            start(docker, "--no-build", "--no-recreate", *scale)
    if contents.access and has_access:
        _bring_access(docker, contents.access)
    say(f"The data are those of {path.name}." + ("" if running else f" {call('up')} starts the product with them."))
    say("Redis' files of before are in its volume, as before-restore, until the next restore.")


def _file(docker: Docker, given: str) -> Path:
    if not given:
        there = (path for path in (docker.folder / FOLDER).glob("dispycluster-*") if path.suffix in (".tar", ".rdb"))
        example = f"{FOLDER}/{max((path.name for path in there), default='NAME.tar')}"
        raise CommandFailed(f"Which backup? For instance: {call('restore', f'FILE={example}')}")
    return Path(given).expanduser().absolute()


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


def _restore_access(docker: Docker, access: Path, name: str, running: list[str], *, yes: bool) -> None:
    if "api" not in running:
        raise CommandFailed(f"The api brings users and tokens back, and does not run. {call('up')} starts it.")
    say(f"This brings back the users and tokens of {name}, and all sessions end.")
    _list_access(docker, access)
    confirm("Bring back?", yes=yes)
    _bring_access(docker, access)
    say(f"Users and tokens are those of {name}, besides others that are there.")


def _list_access(docker: Docker, access: Path) -> None:
    with access.open("rb") as file:
        listed = docker.tell(*ACCESS, "check", source=file, failure="The api cannot read the archive").rstrip()
    say(
        f"Users and tokens, not as they are now:\n{listed}"
        if listed
        else "All users and tokens are there now, and the same."
    )


def _bring_access(docker: Docker, access: Path) -> None:
    with access.open("rb") as file:
        docker.tell(*ACCESS, "restore", source=file, failure="The api did not bring users and tokens back")


def _save_first(docker: Docker, project: Project) -> None:
    try:
        say(f"The data of now are kept in {save(docker, project, now()).relative_to(docker.folder)}")
    except CommandFailed as failure:  # a broken Redis is a reason to restore
        say(f"Note: the data of now are not kept: {failure}")


def _replace(docker: Docker, data: Path, name: str) -> None:
    say("stopping what writes …")
    # Redis last, so that the others end in order.
    for services in (WRITERS, ("redis",)):
        docker.tell("compose", "stop", *services, failure=f"{', '.join(services)} could not be stopped")
    say(f"restoring {name} …")
    with data.open("rb") as file:
        docker.tell(
            *("compose", "run", "--rm", "-T", "redis", "restore"),
            source=file,
            failure="Redis did not take the backup; its data are what they were",
        )
