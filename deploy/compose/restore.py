"""``restore``: all data are replaced by a backup's."""

from __future__ import annotations

from pathlib import Path

from deploy.compose.backup import FOLDER, now, require_rdb, save, size
from deploy.compose.containers import of_project
from deploy.compose.dialogue import call, confirm, say
from deploy.compose.docker import Docker
from deploy.compose.preflight import require_engine
from deploy.compose.project import Project
from deploy.compose.trouble import Trouble
from deploy.compose.up import start

#: The services that write to Redis.
WRITERS = ("collector", "api", "ws")


def restore(docker: Docker, given: str, *, yes: bool) -> None:
    """Ask, then replace the data while nothing writes; what ran before runs again, whatever happens.

    Raises:
        Trouble: nobody agreed, the file is no backup, or Redis did not take it.
    """
    path = _file(docker, given)
    require_engine(docker)
    project = Project.read(docker)
    if not project.has_own_redis:
        raise Trouble("The data are in a Redis of your own (REDIS_URL): restore them there.")
    say(f"This replaces the alert log, the history and the last state by those of {path.name} ({size(path)}).")
    confirm("Replace?", yes=yes)
    running = [container.service for container in of_project(docker, project.name) if container.is_running]
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
    require_rdb(path)
    return path


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
