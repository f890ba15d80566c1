"""``restart``: services start again one by one; of what has replicas, new ones are there before the former end."""

from __future__ import annotations

from deploy.compose.containers import AS_IT_IS, SHORTLY, of_project, of_service, roll
from deploy.compose.dialogue import CommandFailed, call, say
from deploy.compose.docker import Docker
from deploy.compose.gateway import reload
from deploy.compose.preflight import preflight
from deploy.compose.project import GATEWAY, Project
from deploy.compose.up import READY_SECONDS, await_live, look, nodes_of, start
from deploy.compose.upgrade import ONE_SHOT, REPLICATED, order


def restart(docker: Docker, service: str = "") -> None:
    """Start ``service`` again, or all that run; settings that have changed take effect.

    Raises:
        CommandFailed: there is no such service, or a step failed, which is said.
    """
    preflight(docker)
    project = Project.read(docker, everything=True)
    running = {container.service for container in of_project(docker, project.name) if container.is_running}
    names = [name for name in order(list(project.services)) if name in running]
    if service and service not in (*names, ONE_SHOT):
        raise CommandFailed(f"{service} does not run here. What runs: {', '.join(names) or 'nothing'}.")
    if service == ONE_SHOT:
        raise CommandFailed(f"{ONE_SHOT} runs before the others and ends; {call('up')} runs it.")
    if not names:
        raise CommandFailed(f"Nothing runs here. To start it: {call('up')}")
    for name in [service] if service else names:
        say(f"{name} …")
        if name in REPLICATED:
            roll(docker, project, name, everyone=True)
        elif name == GATEWAY:
            _gateway(docker, project)
        else:
            _up(docker, name, "--force-recreate")
    newer = await_live(lambda: look(docker, project), READY_SECONDS)
    say(f"Restarted; the data are live (round {newer.seq}, {nodes_of(newer)}).")


def _gateway(docker: Docker, project: Project) -> None:
    """Without a refused connection, unless its settings have changed."""
    before = of_service(docker, project.name, GATEWAY)
    _up(docker, GATEWAY, *SHORTLY)
    if of_service(docker, project.name, GATEWAY) == before:
        try:
            reload(docker, project.tls)
        except PermissionError:
            say("TLS_KEY cannot be read from here, so that every connection is cut once; with sudo none is refused.")
            _up(docker, GATEWAY, "--force-recreate", *SHORTLY)


def _up(docker: Docker, name: str, *options: str) -> None:
    start(docker, "--no-deps", *options, *AS_IT_IS, name, failure=f"{name} does not become healthy")
