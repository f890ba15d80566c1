"""``restore``: all data are replaced by a backup's; or users and tokens are brought back from an archive of them."""

from __future__ import annotations

import tarfile
from pathlib import Path

from deploy.compose.backup import FOLDER, now, require_rdb, save, size
from deploy.compose.containers import of_project
from deploy.compose.dialogue import call, confirm, say
from deploy.compose.docker import Docker
from deploy.compose.preflight import require_engine
from deploy.compose.project import Project
from deploy.compose.trouble import Trouble
from deploy.compose.up import start

#: The api's commands about copies of users and tokens.
ACCESS = ("compose", "exec", "-T", "api", "serve", "access")
#: The services that write to Redis.
WRITERS = ("collector", "api", "ws")


def restore(docker: Docker, given: str, *, yes: bool) -> None:
    """Ask, then replace the data while nothing writes; what ran before runs again, whatever happens.

    All sessions end with it, since what was revoked after the backup is not in it.

    Raises:
        Trouble: nobody agreed, the file is no backup, or Redis did not take it.
    """
    path = _file(docker, given)
    require_engine(docker)
    project = Project.read(docker)
    running = [container.service for container in of_project(docker, project.name) if container.is_running]
    if _is_archive(path):
        _restore_access(docker, path, running, yes=yes)
        return
    if not project.has_own_redis:
        raise Trouble(
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
        raise Trouble(f"Which backup? For instance: {call('restore', f'FILE={example}')}")
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
        raise Trouble(f"The api brings users and tokens back, and does not run. {call('up')} starts it.")
    trouble = "The api cannot read the archive"
    with path.open("rb") as file:
        listed = docker.send(file, *ACCESS, "check", trouble=trouble).rstrip()
    say(f"This brings back the users and tokens of {path.name}, and all sessions end.")
    say(f"Not as they are now:\n{listed}" if listed else "All of them are there now, and the same.")
    confirm("Bring back?", yes=yes)
    with path.open("rb") as file:
        docker.send(file, *ACCESS, "restore", trouble="The api did not bring them back")
    say(f"Users and tokens are those of {path.name}, besides others that are there.")


def _save_first(docker: Docker, project: Project) -> None:
    try:
        say(f"The data of now are kept in {save(docker, project, now()).relative_to(docker.folder)}")
    except Trouble as trouble:  # a broken Redis is a reason to restore
        say(f"Note: the data of now are not kept: {trouble}")


def _replace(docker: Docker, path: Path) -> None:
    say("stopping what writes …")
    # Redis last, so that the others end in order.
    for services in (WRITERS, ("redis",)):
        docker.tell("compose", "stop", *services, trouble=f"{', '.join(services)} could not be stopped")
    say(f"restoring {path.name} …")
    with path.open("rb") as file:
        docker.send(
            *(file, "compose", "run", "--rm", "-T", "redis", "restore"),
            trouble="Redis did not take the backup; its data are what they were",
        )
